"""Means, variances and products of features, summed block by block: one pass, and no more in memory than a block."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regraft.backbones.backbone import Features
from regraft.store.feature_rows import FeatureRows

# N images, D features, K of the images
MIN_VARIANCE = 1e-6
MIN_VARIANCE_SHARE = 1e-3
"""Of the mean variance: features that vary by less are scaled as if they varied by so much."""
MIN_SQUARED_LENGTH = 1e-12
"""Of the Keras layer UnitNormalization."""
Rows = NDArray[np.int64]
"""(K,) rows of the features."""


@dataclass(frozen=True)
class Scale:
    """What features are shifted and divided by, so that their mean is 0 and their mean variance 1.

    A feature is divided by the square root of its standard deviation. So those that vary more, and mostly say more,
    still count for more: Pareto scaling, https://doi.org/10.1186/1471-2164-7-142.
    """

    mean: NDArray[np.float32]
    """(D,)"""
    squared_divisor: NDArray[np.float32]
    """(D,) which Keras's Normalization calls the variance."""

    def apply(self, features: Features) -> Features:
        """Return scaled features, (N, D)."""
        scaled = features - self.mean
        scaled /= np.sqrt(self.squared_divisor)
        return scaled

    def weights_of_scaled(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what weights of features, (D, K), are for scaled features: up to a shift they answer the same."""
        return np.asarray(np.sqrt(self.squared_divisor)[:, None] * weights)


@dataclass(frozen=True)
class ScaledRows(FeatureRows):
    """Features that are scaled when they are read."""

    features: FeatureRows
    scale: Scale

    @property
    def shape(self) -> tuple[int, int]:
        """The number of images and of features: (N, D)."""
        return self.features.shape

    def read(self, rows: Rows) -> Features:
        """Return the scaled features of some rows."""
        return self.scale.apply(self.features.read(rows))

    def reading_order(self, rows: Rows) -> Rows:
        """Return the positions, (K,), in some rows, in the order in which these are read fastest."""
        return self.features.reading_order(rows)


def scale_of(features: FeatureRows, rows: Rows) -> Scale:
    """Return the scale of the features of some rows, in one pass.

    Each block's are joined to those before: https://doi.org/10.2307/2683386, "Algorithms for computing the sample
    variance".
    """
    count, mean, squares = 0, np.zeros(features.shape[1]), np.zeros(features.shape[1])
    for _, block in features.stored_blocks(rows):
        block_mean = block.mean(axis=0, dtype=np.float64)
        off = block - block_mean.astype(np.float32)
        change, size = block_mean - mean, len(block)
        squares += np.einsum("nd,nd->d", off, off, dtype=np.float64) + change**2 * count * size / (count + size)
        count += size
        mean += change * size / count
    variance = squares / count
    least = max(MIN_VARIANCE, MIN_VARIANCE_SHARE * float(variance.mean()))
    deviation = np.sqrt(np.maximum(variance, least))
    return Scale(mean.astype(np.float32), (deviation * deviation.mean()).astype(np.float32))


def products(features: FeatureRows, rows: Rows) -> NDArray[np.float64]:
    """Return the sums of products of the features of some rows, (D, D)."""
    total = np.zeros((features.shape[1], features.shape[1]))
    for _, block in features.stored_blocks(rows):
        total += block.T @ block
    return total


def directions(x: Features) -> Features:
    """Return features, (N, D), scaled to the length 1, as Keras's UnitNormalization does."""
    return x / np.sqrt(np.maximum((x**2).sum(axis=1, keepdims=True), np.float32(MIN_SQUARED_LENGTH)))


def evenly(rows: Rows, count: int) -> Rows:
    """Return at most `count` of some rows, in their order and evenly spread over them."""
    if len(rows) <= count:
        return rows
    return rows[np.linspace(0, len(rows) - 1, count).astype(np.int64)]
