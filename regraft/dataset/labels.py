"""Synthetic lengths, and what their distributions' clipping does to mean and median.

An image's length depends on (seed, category, digest) and on no other image, so it is the same in every run.
"""

import math
from statistics import NormalDist

from regraft.config import Normal
from regraft.dataset.splits import uniform


def label_of(distribution: Normal, seed: int, category: str, digest: str) -> float:
    """Return the length of an image in cm: the distribution's quantile at a uniform number of its own, clipped."""
    length = NormalDist(distribution.mean, distribution.std).inv_cdf(uniform("label", seed, category, digest))
    return clipped(distribution, length)


def clipped(distribution: Normal, length_cm: float) -> float:
    """Return a length within the distribution's range."""
    low = -math.inf if distribution.min is None else distribution.min
    high = math.inf if distribution.max is None else distribution.max
    return min(max(length_cm, low), high)


def mean_of(distribution: Normal) -> float:
    """Return the mean in cm of the distribution after clipping.

    E[clip(X)] = a F(a) + b (1 - F(b)) + mean (F(b) - F(a)) - std (f(b) - f(a)) with the standard normal's F and f;
    https://en.wikipedia.org/wiki/Truncated_normal_distribution gives the middle part.
    """
    unit = NormalDist()
    total, low, high = 0.0, -math.inf, math.inf
    if distribution.min is not None:
        low = (distribution.min - distribution.mean) / distribution.std
        total += distribution.min * unit.cdf(low)
    if distribution.max is not None:
        high = (distribution.max - distribution.mean) / distribution.std
        total += distribution.max * (1 - unit.cdf(high))
    inside = (unit.cdf(high) if high < math.inf else 1.0) - (unit.cdf(low) if low > -math.inf else 0.0)
    edge = (unit.pdf(high) if high < math.inf else 0.0) - (unit.pdf(low) if low > -math.inf else 0.0)
    return total + distribution.mean * inside - distribution.std * edge


def median_of(distribution: Normal) -> float:
    """Return the median in cm of the distribution after clipping."""
    return clipped(distribution, distribution.mean)
