"""How many of the pictures that look as if they were in the wrong list would look so by chance.

There are two ways to know, and the lower share counts. Where hardly any picture is undecided between two categories,
hardly any crossed over: that says most of categories that lie apart. And each list says how much nearer its pictures
lie to another category's centre than to its own's. What lies far beyond that, where few are expected, is in the wrong
list: that says which are clear where categories overlap. https://doi.org/10.1111/j.2517-6161.1995.tb02031.x
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

# K images, N images of all lists, R references, D features, C categories
MAX_FREEDOM = 6
"""Degrees of freedom of Student's distribution: more pictures lie far out than a normal distribution has."""
MIN_SPREAD = 1e-9
Directions = NDArray[np.float32]
"""(K, D) centred features of length 1."""
Indices = NDArray[np.int64]
Values = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Margins:
    """How much nearer the pictures of each list lie to each category's centre than to their own's: the usual."""

    centres: Directions
    """(C, D) mean directions of each category's pictures."""
    means: Values
    """(C, C) by list and other category."""
    spreads: Values
    """(C, C) standard deviations."""
    counts: Values
    """(C,) pictures of each list that this was measured on."""

    @classmethod
    def of(cls, directions: Directions, category: Indices, categories: int) -> "Margins":
        """Return what is usual of R references, each of which is compared with the others; `category`, (R,)."""
        members = np.zeros((categories, len(category)), np.float32)
        members[category, np.arange(len(category))] = 1
        counts = members.sum(axis=1, dtype=np.float64)
        sums = members @ directions
        own = ((directions * sums[category]).sum(axis=1) - 1) / np.maximum(counts[category] - 1, 1)
        centres = sums / np.maximum(counts, 1)[:, None].astype(np.float32)
        margins = directions @ centres.T - own[:, None]
        means = members @ margins / np.maximum(counts, 1)[:, None]
        squares = members @ (margins - means[category]) ** 2 / np.maximum(counts - 1, 1)[:, None]
        return cls(centres, means, np.maximum(np.sqrt(squares), MIN_SPREAD), counts)

    def probabilities(self, directions: Directions, category: Indices, like: Indices) -> Values:
        """Return how probably pictures of lists, (K,), lie so near to other categories, (K,), by chance."""
        margins = (directions * (self.centres[like] - self.centres[category])).sum(axis=1)
        count = np.maximum(self.counts[category], 2)
        spread = self.spreads[category, like] * np.sqrt(1 + 1 / count)
        deviation = (margins - self.means[category, like]) / spread
        return np.asarray(stdtr(np.minimum(count - 1, MAX_FREEDOM), -deviation), np.float64)  # Student's distribution


def shares_crossing(category: Indices, is_undecided: Flags, is_suspected: Flags) -> Values:
    """Return which share of a list's suspected pictures, (N,), chance brought there, the same for all of the list's.

    Pictures grow fewer the farther they lie from their own category's. So those that are beyond the undecided ones are
    to these at most as these are to the decided ones.
    """
    undecided = np.bincount(category, is_undecided)
    decided = np.bincount(category) - undecided
    by_chance = undecided**2 / np.maximum(decided, 1)
    return np.asarray(np.minimum(1, by_chance / np.maximum(np.bincount(category, is_suspected), 1))[category])


def shares_by_spread(probabilities: Values, category: Indices, is_suspected: Flags) -> Values:
    """Return of each suspected picture which share of those of its list that are as clear is there by chance, (N,).

    1 for all others. `probabilities`, (N,): that it lies so near to another category by chance; `category`, (N,).
    """
    shares = np.ones(len(category))
    counts = np.bincount(category)
    for number in np.unique(category[is_suspected]):
        rows = np.flatnonzero(is_suspected & (category == number))
        rows = rows[np.argsort(probabilities[rows], kind="stable")]
        share = probabilities[rows] * counts[number] / np.arange(1, len(rows) + 1)
        shares[rows] = np.minimum.accumulate(share[::-1])[::-1].clip(max=1)
    return shares
