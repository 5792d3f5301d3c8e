"""Intervals by resampling the held-out images: https://doi.org/10.1201/9780429246593."""

import numpy as np
from numpy.typing import NDArray

from regraft.config import GateSettings
from regraft.store.metrics_record import Interval

# N images, S samples, K values of each image
BLOCK_SIZE = 1_000_000
"""Numbers that are drawn at a time."""


def means(values: NDArray[np.float64], settings: GateSettings, seed: int | np.random.Generator) -> NDArray[np.float64]:
    """Return the means, (S, K), of values, (N, K), over samples of N of the images, drawn with replacement.

    The same seed draws the same images, so that means of several calls may be compared.
    """
    random, count, samples = np.random.default_rng(seed), len(values), settings.samples
    result = np.empty((samples, values.shape[1]))
    size = max(1, BLOCK_SIZE // count)
    for start in range(0, samples, size):
        drawn = random.integers(0, count, (min(size, samples - start), count))
        drawn += count * np.arange(len(drawn))[:, None]  # each sample counts its own images
        times = np.bincount(drawn.reshape(-1), minlength=drawn.size).reshape(drawn.shape)
        result[start : start + size] = times.astype(np.float64) @ values / count
    return result


def interval(samples: NDArray[np.float64], settings: GateSettings) -> Interval:
    """Return the interval that holds the middle of the samples, by the percentile method."""
    tail = (1 - settings.confidence) / 2
    low, high = np.nanquantile(samples, [tail, 1 - tail])
    return Interval(float(low), float(high))


def rmse_differences(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], settings: GateSettings, seed: int
) -> NDArray[np.float64]:
    """Return samples of our RMSE less those of K others, (S, K): paired, for all are of the same N images.

    `ours`, (N,), and `theirs`, (N, K), are squared errors.
    """
    rmse = np.sqrt(means(np.column_stack([ours, theirs]), settings, seed))
    return np.asarray(rmse[:, :1] - rmse[:, 1:])
