"""How well images are classified, from the probabilities of their categories."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.config import GateSettings
from regraft.store.records import CategoryResults, CategoryScores
from regraft.targets import bootstrap
from regraft.targets.auc import auc, auc_samples

MIN_PROBABILITY = 1e-12
"""The log loss counts a probability below this as this."""
# N images, C categories
Matrix = NDArray[np.float64]
"""(N, C) float64."""


def category_results(
    rows: pd.DataFrame, probabilities: Matrix, names: Sequence[str], settings: GateSettings, seed: int
) -> CategoryResults:
    """Return how well N images are classified, over all of them and by category.

    `rows` (category, prediction) are followed by `probabilities`, (N, C), of the categories `names`.
    """
    truth = is_own(rows, names)
    by_image = _by_image(rows, probabilities, truth)
    samples = _samples(by_image, settings, seed)
    pairs = list(_pairs(rows, probabilities, names))
    samples["auc"] = np.mean([auc_samples(pair, settings, seed) for pair in pairs], axis=0)
    return CategoryResults(
        n=len(rows),
        accuracy=float(by_image["accuracy"].mean()),
        log_loss=float(by_image["log_loss"].mean()),
        rmse=float(np.sqrt(by_image["squared_error"].mean())),
        auc=float(np.mean([auc(pair) for pair in pairs])),
        intervals={measure: bootstrap.interval(values, settings) for measure, values in samples.items()},
        by_category={
            str(name): _category(str(name), rows, probabilities, truth, settings, seed)
            for name in sorted(rows["category"].unique())
        },
        confusion=confusion(rows, names),
    )


def is_own(rows: pd.DataFrame, names: Sequence[str]) -> Matrix:
    """Return 1 where a category is the image's own, else 0: (N, C)."""
    return (rows["category"].to_numpy()[:, None] == np.array(names)).astype(np.float64)


def squared_error(truth: Matrix, probabilities: Matrix) -> NDArray[np.float64]:
    """Return half of the Brier score of each image, (N,), 0 to 1."""
    return np.asarray(((probabilities - truth) ** 2).sum(axis=1) / 2)


def confusion(rows: pd.DataFrame, names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return how many images (category, prediction) there are by category, then by the likeliest category."""
    counts = pd.crosstab(rows["category"], rows["prediction"])
    counts = counts.reindex(index=list(names), columns=list(names), fill_value=0)
    return {str(own): {str(k): int(v) for k, v in row.items()} for own, row in counts.to_dict("index").items()}


def frequencies(manifest: pd.DataFrame, names: Sequence[str]) -> Matrix:
    """Return for all N images how frequent the categories are in training, (N, C): an answer without a picture."""
    train = manifest.loc[manifest["split"] == "train", "category"].value_counts(normalize=True)
    return np.tile(train.reindex(list(names), fill_value=0).to_numpy(dtype=np.float64), (len(manifest), 1))


def _category(
    name: str, rows: pd.DataFrame, probabilities: Matrix, truth: Matrix, settings: GateSettings, seed: int
) -> CategoryScores:
    own = (rows["category"] == name).to_numpy()
    by_image = _by_image(rows[own], probabilities[own], truth[own])
    samples = _samples(by_image, settings, seed)
    predicted = rows.loc[rows["prediction"] == name, "category"]
    return CategoryScores(
        n=int(own.sum()),
        rmse=float(np.sqrt(by_image["squared_error"].mean())),
        accuracy=float(by_image["accuracy"].mean()),
        precision=float((predicted == name).mean()) if len(predicted) else None,
        intervals={measure: bootstrap.interval(samples[measure], settings) for measure in ("rmse", "accuracy")},
    )


def _by_image(rows: pd.DataFrame, probabilities: Matrix, truth: Matrix) -> Mapping[str, NDArray[np.float64]]:
    """What each image adds to the measures that are means, (N,) each."""
    own = (probabilities * truth).sum(axis=1)
    return {
        "accuracy": (rows["prediction"] == rows["category"]).to_numpy(dtype=np.float64),
        "log_loss": -np.log(np.maximum(own, MIN_PROBABILITY)),
        "squared_error": squared_error(truth, probabilities),
    }


def _samples(
    by_image: Mapping[str, NDArray[np.float64]], settings: GateSettings, seed: int
) -> dict[str, NDArray[np.float64]]:
    """Bootstrap samples of accuracy, log_loss and rmse."""
    drawn = bootstrap.draws(len(by_image["accuracy"]), settings, seed)
    means = {measure: values[drawn].mean(axis=1) for measure, values in by_image.items()}
    return {"accuracy": means["accuracy"], "log_loss": means["log_loss"], "rmse": np.sqrt(means["squared_error"])}


def _pairs(rows: pd.DataFrame, probabilities: Matrix, names: Sequence[str]) -> Iterator[pd.DataFrame]:
    """For each two categories their images: category, label 0 or 1, and the second one's share as prediction."""
    for i, j in combinations(range(len(names)), 2):
        both = np.maximum(probabilities[:, i] + probabilities[:, j], MIN_PROBABILITY)
        table = rows[["category"]].assign(
            label=(rows["category"] == names[j]).astype(float), prediction=probabilities[:, j] / both
        )
        yield table[table["category"].isin([names[i], names[j]])]
