"""Real lengths within a category: a regression of what the categories leave unexplained, where that helps.

All images but the test split's are learnt from, because leaving each out in turn says what helps. Wrong labels do not
count for more than plain errors: a label that is far from what all other images predict is taken to be nearer, which
is Huber's regression by pseudo-values, https://doi.org/10.1002/0471725250, ch. 7.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.heads.moments import Rows, evenly
from regraft.heads.smoothers import STRENGTHS, Cluster, KernelSmoother, Regression, RidgeSmoother, Smoother
from regraft.store.feature_rows import FeatureRows

# N images, D features, S strengths
WIDTH = 0.5
"""Of similarities."""
MAX_REFERENCE_NUMBERS = 4_000_000
"""Features of images that a head keeps at most, 16 MB: 3,125 images of 1,280. With more images, it is a ridge."""
MAX_EQUATIONS = 4096
"""Equations that are solved at most. Where both images and features are more, so many of the images are learnt from."""
ROUNDS = 5
"""How often labels that are far off are taken to be nearer."""
MAX_SPREADS = 2.5
"""Spreads from what others predict that a label is taken to lie at most."""
MAX_SPREADS_OF_ERRORS = 3.0
"""Errors larger than so many spreads count as so many where strengths are compared."""
MAX_SPREADS_FROM_MEDIAN = 4.0
"""The same for labels that a category's mean is taken of."""
MIN_STANDARD_ERRORS = 1.0
"""What a regression must lower the error by to join in, in standard errors of that gain."""
NORMAL_QUARTILES = 1.349
"""Standard deviations between the quartiles of a normal distribution."""


@dataclass(frozen=True)
class WithinCategory:
    """A regression of what the categories leave unexplained."""

    regression: Regression
    left_out: NDArray[np.float64]
    """(N,) what it would answer, in cm, for each image that it learnt from if that and its near-duplicates were left
    out; NaN of others."""


def robust_means(label: NDArray[np.float64], category: NDArray[np.int64], categories: int) -> NDArray[np.float64]:
    """Return the mean label of each category, (C,), of which far-off labels, such as one in mm, are taken to be nearer.

    `label`, (N,), and `category`, (N,): 0 to C - 1, each of which has at least one image.
    """
    order = np.argsort(category, kind="stable")
    parts = np.split(label[order], np.cumsum(np.bincount(category, minlength=categories))[:-1])
    return np.array([_clipped(part - np.median(part)).mean() + np.median(part) for part in parts])


def learnt_rows(split: "pd.Series[str]") -> Rows:
    """Return the rows of those of N images, by their splits, that a regression within categories learns from, (K,)."""
    return np.flatnonzero(split.isin(["train", "validation"]))


def within_category(
    x: FeatureRows, rows: Rows, residuals: NDArray[np.float64], cluster: Cluster
) -> WithinCategory | None:
    """Return a regression of residuals, (N,) in cm, on the scaled features of as many rows, whose clusters are (N,).

    None where it would not lower the error on images that are left out, with their near-duplicates, or not surely.
    """
    chosen = np.arange(len(rows))
    if len(rows) > MAX_EQUATIONS and x.shape[1] > MAX_EQUATIONS:
        chosen = evenly(chosen, MAX_EQUATIONS)
    learnt, cluster = residuals[chosen], cluster[chosen]
    smoother = _smoother(x, rows[chosen], cluster)
    values, errors = _robust_values(smoother, learnt)
    limit = MAX_SPREADS_OF_ERRORS * float(spread(errors).min())
    squares = np.minimum(errors**2, limit**2)
    strength = int(squares.mean(axis=0).argmin())
    gains = np.minimum(learnt**2, limit**2) - squares[:, strength]
    if not is_significant(_summed(gains, cluster)):
        return None
    left_out = np.full(len(rows), np.nan)
    left_out[chosen] = learnt - errors[:, strength]
    return WithinCategory(smoother.regression(values[:, strength], strength), left_out)


def is_significant(gains: NDArray[np.float64]) -> bool:
    """Return whether the mean of gains, one for each cluster of images, is more than chance."""
    return float(gains.mean()) > MIN_STANDARD_ERRORS * float(gains.std()) / np.sqrt(len(gains))


def _summed(values: NDArray[np.float64], cluster: Cluster) -> NDArray[np.float64]:
    """The sum of the values of each cluster's images."""
    return np.bincount(np.unique(cluster, return_inverse=True)[1], values).astype(np.float64)


def spread(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard deviation along the first axis, by the quartiles: a quarter of values may be anything.

    Where the middle half are equal, it is the plain one.
    """
    low, high = np.quantile(values, [0.25, 0.75], axis=0)
    return np.where(high > low, (high - low) / NORMAL_QUARTILES, values.std(axis=0))


def _smoother(x: FeatureRows, rows: Rows, cluster: Cluster) -> Smoother:
    """The kind of regression that so many images, and features of them, allow."""
    count, width = len(rows), x.shape[1]
    if count * width <= MAX_REFERENCE_NUMBERS:
        return KernelSmoother(x.read(rows), WIDTH, cluster)
    if count > width:
        return RidgeSmoother(x, rows, cluster)
    return KernelSmoother(x.read(rows), None, cluster)


def _robust_values(
    smoother: Smoother, residuals: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What each strength is to learn, (N, S), and how far the residuals are from what it predicts when left out."""
    values = left_out = smoother.left_out(np.tile(residuals[:, None], len(STRENGTHS)))
    for _ in range(ROUNDS):
        values = left_out + _clipped(residuals[:, None] - left_out, MAX_SPREADS)
        left_out = smoother.left_out(values)
    return values, residuals[:, None] - left_out


def _clipped(values: NDArray[np.float64], spreads: float = MAX_SPREADS_FROM_MEDIAN) -> NDArray[np.float64]:
    limit = spreads * spread(values)
    return np.clip(values, -limit, limit)
