"""How good a head is, against the best that is possible, and whether it may become champion."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from regraft import bootstrap
from regraft.answers import Answers, rmse
from regraft.config import GateSettings
from regraft.labels import Oracle

SAME = 1e-4
"""Differences below this, in cm or of probabilities, are rounding, not learning."""
MATTERS = 0.05
"""The share of its RMSE by which a model must not get worse unseen."""
POWER = 0.8
"""The probability with which a difference that is there is to be seen."""


@dataclass(frozen=True)
class Evaluation:
    """What a candidate was measured to be."""

    predictions: pd.DataFrame
    """digest, category, split, label, prediction, and p_NAME of named categories: of all images of the manifest."""
    metrics: dict[str, Any]
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
    right: Answers, ours: Answers, rivals: Mapping[str, Answers], settings: GateSettings, seed: int
) -> dict[str, dict[str, float]]:
    """Return by rival its rmse and mae, and our rmse's difference from its with an interval (low, high).

    All in cm, or of probabilities.
    """
    told = {}
    for name, theirs in rivals.items():
        low, high = bootstrap.span(bootstrap.difference(right, ours, theirs, settings, seed), settings)
        err, mae = rmse(right, theirs), float(np.mean(np.abs(theirs - right)))
        told[name] = {"rmse": err, "mae": mae, "difference": rmse(right, ours) - err, "low": low, "high": high}
    return told


@dataclass(frozen=True)
class Gate:
    """Whether the candidate becomes champion, and why."""

    promoted: bool
    why: str
    """One sentence for people."""
    champion: dict[str, Any] | None = None
    """version, n, its rmse, and the candidate's difference from it: difference, low, high, in cm or of probabilities,
    and detectable, the smallest share of its rmse that so many images would most likely show; None if there is no
    champion."""


def gate(
    version: str, right: Answers, candidate: Answers, champion: Answers, settings: GateSettings, seed: int
) -> Gate:
    """Compare two models on the same N held-out images, by a paired bootstrap of the difference of their RMSE.

    `version` names the champion, `right` are the labels or the true categories, see `answers`. The candidate is
    promoted where the whole interval of that difference lies below zero: a champion changes for a measurable gain only,
    never by chance. Where nothing can be told, and a change of MATTERS could not have been, it says that the holdout is
    too small. Source of its power: two-sided test at the confidence, https://doi.org/10.4324/9780203771587.
    """
    samples = bootstrap.difference(right, candidate, champion, settings, seed)
    low, high = bootstrap.span(samples, settings)
    theirs = rmse(right, champion)
    difference, n = rmse(right, candidate) - theirs, len(right)
    sure = NormalDist().inv_cdf((1 + settings.confidence) / 2) + NormalDist().inv_cdf(POWER)
    detectable = sure * float(samples.std()) / theirs if theirs > 0 else 0.0
    told = {
        "version": version, "rmse": theirs, "difference": difference, "low": low, "high": high, "n": n,
        "detectable": detectable,
    }  # fmt: skip
    unit, style = ("cm RMSE", "+.2f") if right.ndim == 1 else ("RMSE of the probabilities", "+.3f")
    ends = f"{low:{style}} to {high:{style}}"
    measured = f"{difference:{style}} {unit}, {settings.confidence:.0%} interval {ends}, n={n}"
    if high < 0:
        return Gate(True, f"Measurably better than champion {version} on the same images ({measured}).", told)
    if low > 0:
        return Gate(False, f"Measurably worse than champion {version} on the same images ({measured}).", told)
    if max(abs(low), abs(high)) < SAME:
        return Gate(False, f"Predicts just what champion {version} predicts on the same {n} images.", told)
    small = ""
    if detectable > MATTERS:
        small = f" The holdout is too small to tell a change of {MATTERS:.0%}: these {n} images show {detectable:.0%}."
    return Gate(False, f"Not measurably better than champion {version} on the same images ({measured}).{small}", told)
