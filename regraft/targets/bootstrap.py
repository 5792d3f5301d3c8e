"""Intervals by resampling the held-out images: https://doi.org/10.1201/9780429246593."""

import numpy as np
from numpy.typing import NDArray

from regraft.config import GateSettings
from regraft.store.records import Interval


def draws(count: int, settings: GateSettings, seed: int) -> NDArray[np.int64]:
    """Return which of `count` images each sample is made of, (samples, count): drawn with replacement."""
    return np.random.default_rng(seed).integers(0, count, (settings.samples, count))


def interval(samples: NDArray[np.float64], settings: GateSettings) -> Interval:
    """Return the interval that holds the middle of the samples, by the percentile method."""
    tail = (1 - settings.confidence) / 2
    low, high = np.nanquantile(samples, [tail, 1 - tail])
    return Interval(float(low), float(high))


def rmse_difference(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], settings: GateSettings, seed: int
) -> NDArray[np.float64]:
    """Return samples of our RMSE less theirs, from the squared errors, (N,) each, of the same N images: paired."""
    drawn = draws(len(ours), settings, seed)
    return np.asarray(np.sqrt(ours[drawn].mean(axis=1)) - np.sqrt(theirs[drawn].mean(axis=1)))
