"""How good a head is, against the best that is possible, and whether it may become champion."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from regraft.config import GateSettings
from regraft.store.records import MetricsRecord
from regraft.targets import bootstrap
from regraft.targets.oracle import Oracle
from regraft.targets.target import Answers, Target


@dataclass(frozen=True)
class Evaluation:
    """What a candidate was measured to be."""

    predictions: pd.DataFrame
    """digest, category, split, label, prediction, and p_NAME of named categories: of all images of the manifest."""
    metrics: MetricsRecord
    """metrics.json"""
    holdout: pd.DataFrame
    """digest, category, phash, label: of all images that candidate and champion are compared on."""
    certainty: bytes
    """certainty.npz"""


def metrics(rows: pd.DataFrame) -> dict[str, Any]:
    """Return n, rmse, mae, bias, r2, auc and by_category of predictions (category, label, prediction), in cm.

    auc is None where there is one category, r2 where all labels are equal.
    """
    whole = _errors(rows)
    by_category = {str(name): _errors(part) for name, part in rows.groupby("category")}
    spread = float(((rows["label"] - rows["label"].mean()) ** 2).mean())
    r2 = 1 - whole["rmse"] ** 2 / spread if spread > 0 else None
    return whole | {"r2": r2, "auc": auc(rows), "by_category": by_category}


def _errors(rows: pd.DataFrame) -> dict[str, Any]:
    off = (rows["prediction"] - rows["label"]).to_numpy(dtype=np.float64)
    return {
        "n": len(off),
        "rmse": float(np.sqrt(np.mean(off**2))),
        "mae": float(np.mean(np.abs(off))),
        "bias": float(np.mean(off)),
    }


def auc(rows: pd.DataFrame) -> float | None:
    """Return how well the predicted length tells the categories apart: 1 always right, 0.5 chance.

    For each pair of categories the area under the ROC curve, the one with the longer labels counting as positive;
    the mean over pairs. https://doi.org/10.1023/A:1010920819831
    """
    order = rows.groupby("category")["label"].mean().sort_values().index
    areas = []
    for shorter, longer in combinations(order, 2):
        low = rows.loc[rows["category"] == shorter, "prediction"]
        high = rows.loc[rows["category"] == longer, "prediction"]
        ranks = pd.concat([high, low], ignore_index=True).rank()
        n, m = len(high), len(low)
        areas.append((float(ranks.iloc[:n].sum()) - n * (n + 1) / 2) / (n * m))
    return float(np.mean(areas)) if areas else None


def distances(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return how far each predicted length is from each category's mean label in training, in cm: a column each."""
    means = predictions[predictions["split"] == "train"].groupby("category")["label"].mean()
    return pd.DataFrame({name: (predictions["prediction"] - mean).abs() for name, mean in means.items()})


def excess(rmse: float, oracle: Oracle | None) -> float | None:
    """Return by which share an RMSE is above the oracle's; None where there is no oracle."""
    return None if oracle is None or oracle.rmse == 0 else rmse / oracle.rmse - 1


def against(
    right: Answers,
    ours: Answers,
    rivals: Mapping[str, Answers],
    target: Target,
    settings: GateSettings,
    seed: int,
) -> dict[str, dict[str, float]]:
    """Return by rival its rmse and mae, and our rmse's difference from its with an interval (low, high).

    All in cm, or of probabilities.
    """
    told = {}
    for name, theirs in rivals.items():
        errors = target.squared_error(right, ours), target.squared_error(right, theirs)
        low, high = bootstrap.span(bootstrap.difference(*errors, settings, seed), settings)
        err, mae = target.rmse(right, theirs), float(np.mean(np.abs(theirs - right)))
        told[name] = {"rmse": err, "mae": mae, "difference": target.rmse(right, ours) - err, "low": low, "high": high}
    return told
