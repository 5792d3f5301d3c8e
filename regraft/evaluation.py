"""How good a head is, against the best that is possible, and whether it may become champion."""

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.config import GateSettings
from regraft.labels import Oracle

Lengths = NDArray[np.float64]
SAME_CM = 1e-4
"""Differences below this are rounding, not learning."""


@dataclass(frozen=True)
class Evaluation:
    """What a candidate was measured to be."""

    predictions: pd.DataFrame
    """digest, category, split, label, prediction: of all images of the manifest."""
    metrics: dict[str, Any]
    """metrics.json"""


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


def excess(rmse: float, oracle: Oracle | None) -> float | None:
    """Return by which share an RMSE is above the oracle's; None where there is no oracle."""
    return None if oracle is None or oracle.rmse == 0 else rmse / oracle.rmse - 1


@dataclass(frozen=True)
class Gate:
    """Whether the candidate becomes champion, and why."""

    promoted: bool
    why: str
    """One sentence for people."""
    champion: dict[str, Any] | None = None
    """version, rmse, and the candidate's difference from it: difference, low, high, in cm; None if there is none."""


def gate(
    version: str, label: Lengths, candidate: Lengths, champion: Lengths, settings: GateSettings, seed: int
) -> Gate:
    """Compare two models on the same N held-out images, by a paired bootstrap of the difference of their RMSE.

    `version` names the champion. The candidate is promoted where the whole interval of that difference lies below
    zero: a champion changes for a measurable gain only, never by chance. https://doi.org/10.1201/9780429246593
    """
    low, high = bootstrap(label, candidate, champion, settings, seed)
    rmse, theirs = _rmse(label, candidate), _rmse(label, champion)
    difference = rmse - theirs
    told = {"version": version, "rmse": theirs, "difference": difference, "low": low, "high": high, "n": len(label)}
    span = f"{difference:+.2f} cm RMSE, {settings.confidence:.0%} interval {low:+.2f} to {high:+.2f}, n={len(label)}"
    if high < 0:
        return Gate(True, f"Measurably better than champion {version} on the same images ({span}).", told)
    if low > 0:
        return Gate(False, f"Measurably worse than champion {version} on the same images ({span}).", told)
    if max(abs(low), abs(high)) < SAME_CM:
        return Gate(False, f"Predicts just what champion {version} predicts on the same {len(label)} images.", told)
    return Gate(False, f"Not measurably better than champion {version} on the same images ({span}).", told)


def bootstrap(
    label: Lengths, candidate: Lengths, champion: Lengths, settings: GateSettings, seed: int
) -> tuple[float, float]:
    """Return the interval of RMSE(candidate) - RMSE(champion), in cm, images resampled with replacement."""
    random = np.random.default_rng(seed)
    ours, theirs = (candidate - label) ** 2, (champion - label) ** 2
    drawn = random.integers(0, len(label), (settings.samples, len(label)))
    differences = np.sqrt(ours[drawn].mean(axis=1)) - np.sqrt(theirs[drawn].mean(axis=1))
    tail = (1 - settings.confidence) / 2
    low, high = np.quantile(differences, [tail, 1 - tail])
    return float(low), float(high)


def _rmse(label: Lengths, prediction: Lengths) -> float:
    return float(np.sqrt(np.mean((prediction - label) ** 2)))
