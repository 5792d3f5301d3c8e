"""How well one number tells categories apart: the area under the ROC curve, as the mean over pairs of categories.

Of a pair, the category with the larger labels counts as positive: https://doi.org/10.1023/A:1010920819831.
"""

from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.config import GateSettings

MAX_PAIRS = 4_000_000
"""Pairs of images that one pair of categories is resampled on; of more, those of the first images, which are in no
order."""


def auc(rows: pd.DataFrame) -> float | None:
    """Return the area for predictions (category, label, prediction): 1 always right, 0.5 chance.

    None where there is one category.
    """
    areas = []
    for smaller, larger in combinations(_by_mean_label(rows), 2):
        low = rows.loc[rows["category"] == smaller, "prediction"]
        high = rows.loc[rows["category"] == larger, "prediction"]
        ranks = pd.concat([high, low], ignore_index=True).rank()
        n, m = len(high), len(low)
        areas.append((float(ranks.iloc[:n].sum()) - n * (n + 1) / 2) / (n * m))
    return float(np.mean(areas)) if areas else None


def auc_samples(rows: pd.DataFrame, settings: GateSettings, seed: int) -> NDArray[np.float64]:
    """Return bootstrap samples of the area, (samples,).

    Each category's images are resampled by themselves, so that no sample is without images of one.
    """
    random = np.random.default_rng(seed)
    order = _by_mean_label(rows)
    most = int(MAX_PAIRS**0.5)
    predictions = {name: rows.loc[rows["category"] == name, "prediction"].to_numpy()[:most] for name in order}
    counts = {
        name: random.multinomial(len(x), np.full(len(x), 1 / len(x)), settings.samples).astype(np.float32)
        for name, x in predictions.items()
    }
    pairs = []
    for smaller, larger in combinations(order, 2):
        low, high = predictions[smaller], predictions[larger]
        above = (high[:, None] > low) + 0.5 * (high[:, None] == low)
        wins = (counts[larger] @ above.astype(np.float32) * counts[smaller]).sum(axis=1)
        pairs.append(wins / (len(low) * len(high)))
    return np.asarray(np.mean(pairs, axis=0), dtype=np.float64)


def _by_mean_label(rows: pd.DataFrame) -> list[str]:
    """The categories, the one with the smallest labels first."""
    return [str(name) for name in rows.groupby("category")["label"].mean().sort_values().index]
