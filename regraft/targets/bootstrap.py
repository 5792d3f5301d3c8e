"""Intervals by resampling the held-out images: https://doi.org/10.1201/9780429246593."""

from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.config import GateSettings

MOST_PAIRS = 4_000_000
"""Pairs of images that the AUC's interval looks at; of more, the first ones, which are in no order."""


def draws(count: int, settings: GateSettings, seed: int) -> NDArray[np.int64]:
    """Return which of `count` images each sample is made of, (samples, count): drawn with replacement."""
    return np.random.default_rng(seed).integers(0, count, (settings.samples, count))


def span(samples: NDArray[np.float64], settings: GateSettings) -> tuple[float, float]:
    """Return the interval that holds the middle of the samples, by the percentile method."""
    tail = (1 - settings.confidence) / 2
    low, high = np.nanquantile(samples, [tail, 1 - tail])
    return float(low), float(high)


def difference(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], settings: GateSettings, seed: int
) -> NDArray[np.float64]:
    """Return samples of RMSE(ours) - RMSE(theirs) from the squared errors, (N,) each, on the same N images: paired."""
    drawn = draws(len(ours), settings, seed)
    return np.asarray(np.sqrt(ours[drawn].mean(axis=1)) - np.sqrt(theirs[drawn].mean(axis=1)))


def intervals(rows: pd.DataFrame, settings: GateSettings, seed: int) -> dict[str, tuple[float, float]]:
    """Return the intervals of rmse, mae, bias (cm), r2 and auc of predictions (category, label, prediction).

    r2 is left out where all labels are equal, auc where there is one category.
    """
    label = rows["label"].to_numpy(dtype=np.float64)
    off = rows["prediction"].to_numpy(dtype=np.float64) - label
    drawn = draws(len(off), settings, seed)
    means = (off**2)[drawn].mean(axis=1)
    samples = {"rmse": np.sqrt(means), "mae": np.abs(off)[drawn].mean(axis=1), "bias": off[drawn].mean(axis=1)}
    if label.std() > 0:
        spread = label[drawn].var(axis=1)
        samples["r2"] = 1 - means / np.where(spread > 0, spread, np.nan)
    if rows["category"].nunique() > 1:
        samples["auc"] = areas(rows, settings, seed)
    return {name: span(values, settings) for name, values in samples.items()}


def areas(rows: pd.DataFrame, settings: GateSettings, seed: int) -> NDArray[np.float64]:
    """Return samples of the AUC: each category's images are resampled, so that none is ever without images."""
    random = np.random.default_rng(seed)
    order = rows.groupby("category")["label"].mean().sort_values().index
    most = int(MOST_PAIRS**0.5)
    found = {name: rows.loc[rows["category"] == name, "prediction"].to_numpy()[:most] for name in order}
    counts = {
        name: random.multinomial(len(x), np.full(len(x), 1 / len(x)), settings.samples).astype(np.float32)
        for name, x in found.items()
    }
    pairs = []
    for shorter, longer in combinations(order, 2):
        low, high = found[shorter], found[longer]
        above = (high[:, None] > low) + 0.5 * (high[:, None] == low)
        wins = (counts[longer] @ above.astype(np.float32) * counts[shorter]).sum(axis=1)
        pairs.append(wins / (len(low) * len(high)))
    return np.asarray(np.mean(pairs, axis=0), dtype=np.float64)
