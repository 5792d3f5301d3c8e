"""How well predictions tell categories apart: the area under the ROC curve, as the mean over pairs of categories.

Of a pair, the second category counts as positive: https://doi.org/10.1023/A:1010920819831. All pairs are counted
together, by sorting: N images take N log N, whatever the number of categories.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.config import GateSettings
from regraft.targets import bootstrap

# N images, C categories, S samples, K values
MIN_PROBABILITY = 1e-12
"""Two categories that both are less probable than this are as probable as each other."""
Values = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Area:
    """The area under the ROC curve over N images."""

    category: Indices
    """(N,) the category of each image, 0 to C - 1."""
    shares: Values
    """(N,) of each image: the share of the other category's images that it lies on the right side of, ties halved,
    summed over the pairs of its category and divided by the number of all pairs."""

    @property
    def value(self) -> float:
        """The area: 1 always right, 0.5 chance."""
        return float(self._means.sum() / 2)

    def samples(self, settings: GateSettings, seed: int) -> Values:
        """Return bootstrap samples of the area, (S,), each category's images resampled by themselves.

        A sample is the area where each image counts as often as it was drawn, to the first order:
        https://doi.org/10.2307/2531595.
        """
        random = np.random.default_rng(seed)
        result = np.full(settings.samples, self.value)
        in_order = np.argsort(self.category, kind="stable")
        ends = np.bincount(self.category).cumsum()
        for images in np.split(in_order, ends[:-1]):
            if len(images):
                shares = self.shares[images]
                result += bootstrap.means((shares - shares.mean())[:, None], settings, random)[:, 0]
        return np.clip(result, 0, 1)

    @property
    def _means(self) -> Values:
        """The mean share of each category's images, (C,)."""
        counts = np.maximum(np.bincount(self.category), 1)
        return np.bincount(self.category, self.shares) / counts


def area_of_lengths(rows: pd.DataFrame) -> Area | None:
    """Return the area of predicted lengths (category, label, prediction); None where there is one category.

    Of a pair, the category with the larger labels counts as positive. Categories are halved again and again, and
    at each level all images of the left halves are compared with all of the right ones.
    """
    order = rows.groupby("category")["label"].mean().sort_values().index
    if len(order) < 2:
        return None
    category = order.get_indexer(pd.Index(rows["category"])).astype(np.int64)
    lengths = rows["prediction"].to_numpy(dtype=np.float64)
    weights = 1 / np.bincount(category)[category]
    by_length = np.argsort(lengths, kind="stable")
    shares, half = np.zeros(len(rows)), 1
    while half < len(order):
        group = category // (2 * half)
        images = by_length[np.argsort(group[by_length], kind="stable")]
        is_right = category[images] // half % 2 == 1
        shares[images] += _right_sides(group[images], lengths[images], is_right, weights[images])
        half *= 2
    return Area(category, shares / _pairs(len(order)))


def area_of_probabilities(category: Indices, probabilities: Values) -> Area | None:
    """Return the area of probabilities, (N, C), of images of C categories, (N,); None where there is one category.

    Two categories are told apart by the second one's share of the probability of both. It takes N C log N.
    """
    counts = np.bincount(category, minlength=probabilities.shape[1])
    if (counts > 0).sum() < 2:
        return None
    by_category = np.argsort(category, kind="stable")
    starts = np.concatenate([[0], counts.cumsum()])
    own = probabilities[np.arange(len(category)), category]
    shares = np.zeros(len(category))
    for first in np.flatnonzero(counts)[:-1]:
        left, right = by_category[starts[first] : starts[first + 1]], by_category[starts[first + 1] :]
        others = np.arange(first + 1, len(counts))[counts[first + 1 :] > 0]
        of_left = _second_share(own[left, None], probabilities[np.ix_(left, others)])
        of_right = _second_share(probabilities[right, first], own[right])
        values = np.concatenate([of_left.reshape(-1), of_right])
        group = np.concatenate([np.tile(others, len(left)), category[right]])
        weights = 1 / np.concatenate([np.full(of_left.size, len(left)), counts[category[right]]])
        order = np.lexsort((values, group))
        sides = np.empty(len(values))
        sides[order] = _right_sides(group[order], values[order], order >= of_left.size, weights[order])
        shares[left] += sides[: of_left.size].reshape(of_left.shape).sum(axis=1)
        shares[right] += sides[of_left.size :]
    return Area(category, shares / _pairs(int((counts > 0).sum())))


def _second_share(first: Values, second: Values) -> Values:
    return np.asarray(second / np.maximum(first + second, MIN_PROBABILITY))


def _pairs(count: int) -> float:
    return count * (count - 1) / 2


def _right_sides(group: Indices, values: Values, is_right: NDArray[np.bool_], weights: Values) -> Values:
    """For each of K values the weight of those of the other side that it lies on the right side of, ties halved: (K,).

    Only values of the same group are compared: those of its right side should be larger than those of its left side.
    Values are sorted, by group and then by value.
    """
    left, right = (np.concatenate([[0.0], np.where(side, weights, 0).cumsum()]) for side in (~is_right, is_right))
    starts, ends = _runs(group[1:] != group[:-1])
    ties_start, ties_end = _runs((group[1:] != group[:-1]) | (values[1:] != values[:-1]))
    smaller = (left[ties_start] + left[ties_end]) / 2 - left[starts]
    larger = right[ends] - (right[ties_start] + right[ties_end]) / 2
    return np.asarray(np.where(is_right, smaller, larger))


def _runs(is_new: NDArray[np.bool_]) -> tuple[Indices, Indices]:
    """For each of K values where its run starts, and where it ends (K,), by which of the last K - 1 begin a new one."""
    starts = np.concatenate([[0], np.flatnonzero(is_new) + 1])
    lengths = np.diff(np.concatenate([starts, [len(is_new) + 1]]))
    return np.repeat(starts, lengths), np.repeat(starts + lengths, lengths)
