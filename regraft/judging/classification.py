"""How well a head names categories, on held-out images."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.config import GateSettings
from regraft.judging import metrics as evaluation
from regraft.targets import bootstrap
from regraft.targets.categories import Categories
from regraft.targets.target import Answers

LEAST = 1e-12
"""The least probability that the log loss counts with."""


def metrics(rows: pd.DataFrame, target: Categories, settings: GateSettings, seed: int) -> dict[str, Any]:
    """Return n, accuracy, rmse (of probabilities, 0 to 1), log_loss (nats), auc, intervals, by_category, confusion.

    `rows`: category, prediction and p_NAME of each category. auc is the mean over pairs of categories,
    https://doi.org/10.1023/A:1010920819831; confusion counts images by category and by what they were named.
    """
    said, right = target.answers(rows), target.truth(rows)
    samples = _samples(rows, target, settings, seed) | {"auc": _areas(rows, said, target, settings, seed)}
    parts = rows.groupby("category")
    names = list(target.names)
    counts = pd.crosstab(rows["category"], rows["prediction"]).reindex(index=names, columns=names, fill_value=0)
    whole = {of: float(values.mean()) for of, values in _each(rows, said, right).items()}
    whole["rmse"] = target.rmse(right, said)
    return whole | {
        "n": len(rows),
        "auc": float(np.mean([evaluation.auc(pair) for pair in _pairs(rows, said, target.names)])),
        "intervals": {of: bootstrap.span(values, settings) for of, values in samples.items()},
        "by_category": {str(name): _of(name, part, rows, target, settings, seed) for name, part in parts},
        "confusion": {name: {str(k): int(v) for k, v in row.items()} for name, row in counts.to_dict("index").items()},
    }


def shares(manifest: pd.DataFrame, target: Categories) -> Answers:
    """Return what knows only how frequent categories are in training says of all N images: the rival, (N, C)."""
    train = manifest.loc[manifest["split"] == "train", "category"].value_counts(normalize=True)
    return np.tile(train.reindex(list(target.names), fill_value=0).to_numpy(dtype=np.float64), (len(manifest), 1))


def _of(
    name: Any, part: pd.DataFrame, rows: pd.DataFrame, target: Categories, settings: GateSettings, seed: int
) -> dict[str, Any]:
    """Of one category: n, rmse, accuracy (its recall), precision (None where nothing was named so), intervals."""
    said, right = target.answers(part), target.truth(part)
    samples = _samples(part, target, settings, seed)
    so = rows.loc[rows["prediction"] == name, "category"]
    return {
        "n": len(part),
        "rmse": target.rmse(right, said),
        "accuracy": float((part["prediction"] == name).mean()),
        "precision": float((so == name).mean()) if len(so) else None,
        "intervals": {
            "rmse": bootstrap.span(samples["rmse"], settings),
            "accuracy": bootstrap.span(samples["accuracy"], settings),
        },
    }


def _each(rows: pd.DataFrame, said: Answers, right: Answers) -> Mapping[str, NDArray[np.float64]]:
    """What an image adds to the metrics that are means, (N,) each."""
    own = (said * right).sum(axis=1)
    hit = (rows["prediction"] == rows["category"]).to_numpy(dtype=np.float64)
    return {"accuracy": hit, "log_loss": -np.log(np.maximum(own, LEAST))}


def _samples(
    rows: pd.DataFrame, target: Categories, settings: GateSettings, seed: int
) -> dict[str, NDArray[np.float64]]:
    said, right = target.answers(rows), target.truth(rows)
    drawn = bootstrap.draws(len(rows), settings, seed)
    found = {of: values[drawn].mean(axis=1) for of, values in _each(rows, said, right).items()}
    return found | {"rmse": np.sqrt(target.squared_error(right, said)[drawn].mean(axis=1))}


def _areas(
    rows: pd.DataFrame, said: Answers, target: Categories, settings: GateSettings, seed: int
) -> NDArray[np.float64]:
    areas = [bootstrap.areas(pair, settings, seed) for pair in _pairs(rows, said, target.names)]
    return np.asarray(np.mean(areas, axis=0), dtype=np.float64)


def _pairs(rows: pd.DataFrame, said: Answers, names: tuple[str, ...]) -> Iterator[pd.DataFrame]:
    """For each two categories their images (category, label 0 or 1), and the second one's share as prediction."""
    for i, j in combinations(range(len(names)), 2):
        both = np.maximum(said[:, i] + said[:, j], LEAST)
        table = rows[["category"]].assign(
            label=(rows["category"] == names[j]).astype(float), prediction=said[:, j] / both
        )
        yield table[table["category"].isin([names[i], names[j]])]
