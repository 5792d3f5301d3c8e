"""How well images are classified, from the probabilities of their categories."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.config import GateSettings
from regraft.store.metrics_record import CategoryResults, CategoryScores
from regraft.targets import bootstrap
from regraft.targets.auc import Area
from regraft.targets.rivals import Errors

MIN_PROBABILITY = 1e-12
"""The log loss counts a probability below this as this."""
# N images, C categories, S samples
Matrix = NDArray[np.float64]
"""(N, C) float64."""
Values = NDArray[np.float64]
"""(N,) float64."""


def category_results(rows: pd.DataFrame, area: Area | None, settings: GateSettings, seed: int) -> CategoryResults:
    """Return how well images are classified, over all of them and by category.

    `rows`: category, prediction, own_probability, squared_error. `area`: the area under the ROC curve.
    """
    by_image = _by_image(rows)
    samples = _samples(by_image, settings, seed)
    if area is not None:
        samples["auc"] = area.samples(settings, seed)
    precision = by_image["accuracy"].groupby(rows["prediction"]).mean()
    return CategoryResults(
        n=len(rows),
        accuracy=float(by_image["accuracy"].mean()),
        log_loss=float(by_image["log_loss"].mean()),
        rmse=float(np.sqrt(by_image["squared_error"].mean())),
        auc=area.value if area else None,
        intervals={measure: bootstrap.interval(values, settings) for measure, values in samples.items()},
        by_category={
            str(name): _category(part, precision.get(name), settings, seed)
            for name, part in by_image.groupby(rows["category"])
        },
        confusion=confusion(rows),
    )


def positions(rows: pd.DataFrame, names: Sequence[str]) -> NDArray[np.int64]:
    """Return the position among `names` of each image's own category, (N,); -1 where it is none of them."""
    return np.asarray(pd.Index(names).get_indexer(pd.Index(rows["category"])), dtype=np.int64)


def own_probabilities(rows: pd.DataFrame, probabilities: Matrix, names: Sequence[str]) -> Values:
    """Return the probability of each image's own category, (N,); 0 where that is none of the categories `names`."""
    own = positions(rows, names)
    return np.where(own >= 0, probabilities[np.arange(len(own)), own], 0.0)


def errors(rows: pd.DataFrame, probabilities: Matrix, names: Sequence[str]) -> Errors:
    """Return the errors of the probabilities, (N, C), of the categories `names`; squared, it is half the Brier score.

    Right would be 1 for the own category and 0 for the others.
    """
    own = positions(rows, names)
    off = np.array(probabilities, dtype=np.float64)
    off[np.flatnonzero(own >= 0), own[own >= 0]] -= 1
    return Errors(np.einsum("nc,nc->n", off, off) / 2, np.abs(off).mean(axis=1))


def confusion(rows: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Return how many images (category, prediction) there are by category, then by the likeliest; no zeros."""
    counts: dict[str, dict[str, int]] = {}
    pairs = rows.groupby(["category", "prediction"]).size().reset_index(name="images")
    for own, likeliest, images in zip(pairs["category"], pairs["prediction"], pairs["images"], strict=True):
        counts.setdefault(str(own), {})[str(likeliest)] = int(images)
    return counts


def errors_of_frequencies(manifest: pd.DataFrame, names: Sequence[str]) -> Errors:
    """Return the errors on the test split of how frequent the categories are in training: answers without a picture."""
    train, test = (manifest[["category"]][manifest["split"] == split] for split in ("train", "test"))
    frequencies = train["category"].value_counts(normalize=True).reindex(list(names), fill_value=0)
    shares = frequencies.to_numpy(dtype=np.float64)
    by_category = errors(pd.DataFrame({"category": list(names)}), np.tile(shares, (len(names), 1)), names)
    own = positions(test, names)
    return Errors(by_category.squared[own], by_category.absolute[own])


def _category(by_image: pd.DataFrame, precision: float | None, settings: GateSettings, seed: int) -> CategoryScores:
    samples = _samples(by_image, settings, seed)
    return CategoryScores(
        n=len(by_image),
        rmse=float(np.sqrt(by_image["squared_error"].mean())),
        accuracy=float(by_image["accuracy"].mean()),
        precision=None if precision is None else float(precision),
        intervals={measure: bootstrap.interval(samples[measure], settings) for measure in ("rmse", "accuracy")},
    )


def _by_image(rows: pd.DataFrame) -> pd.DataFrame:
    """What each image adds to the measures that are means: accuracy, log_loss, squared_error."""
    own = rows["own_probability"].to_numpy(dtype=np.float64)
    return pd.DataFrame(
        {
            "accuracy": (rows["prediction"] == rows["category"]).astype(np.float64),
            "log_loss": -np.log(np.maximum(own, MIN_PROBABILITY)),
            "squared_error": rows["squared_error"].astype(np.float64),
        },
        index=rows.index,
    )


def _samples(by_image: pd.DataFrame, settings: GateSettings, seed: int) -> dict[str, Values]:
    """Bootstrap samples of accuracy, log_loss and rmse, (S,) each."""
    columns = bootstrap.means(by_image.to_numpy(dtype=np.float64), settings, seed).T
    means: Mapping[str, Values] = dict(zip(by_image.columns, columns, strict=True))
    return {"accuracy": means["accuracy"], "log_loss": means["log_loss"], "rmse": np.sqrt(means["squared_error"])}
