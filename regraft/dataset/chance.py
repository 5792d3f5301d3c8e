"""How many of the pictures that look as if they were in the wrong list would look so by chance.

Ridge regression scores each picture for each category. Another category's score less that of a picture's own list is
its margin. How margins are distributed is known from those of either category's pictures that nobody suspects, each
scored by what the others teach. So Bayes' rule says how probably a suspected picture is in the right list, and how many
of those that are called misfiled are: https://doi.org/10.1198/016214501753382129

That asks much of a single picture in a long list. But where hardly any picture is undecided between two categories,
hardly any crossed over, which says most of categories that lie apart. The lower share counts.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, gammaln

from regraft.dataset.nearest import Directions, Flags, Indices, Values

# K images, N images of all lists, R references, D features, C categories
STRENGTH = 1.0
"""Of the ridge, by the mean square of the weighted references' directions."""
MAX_FREEDOM = 24
"""Degrees of freedom of Student's distribution: more pictures lie far out than a normal distribution has, even where
mean and spread are well known."""
MIN_SPREAD = 1e-9
MAX_LEVERAGE = 0.999
"""Of a reference that may be taken out of its own score."""
MIN_MISFILED = 0.5
"""Pictures of a list that are expected to be misfiled at least, before they are looked at."""
MAX_ROUNDS = 100
TOLERANCE = 1e-3
"""In pictures, from which on the number of misfiled ones counts as settled."""


@dataclass(frozen=True)
class Margins:
    """How far pictures of each list score higher for each other category than for their own: the usual."""

    weights: Directions
    """(D, C) that directions are scored by."""
    offsets: Values
    """(C,)"""
    means: Values
    """(C, C) by list and other category."""
    spreads: Values
    """(C, C) standard deviations."""
    counts: Values
    """(C,) pictures of each list that this was measured on."""

    @classmethod
    def of(cls, directions: Directions, category: Indices, categories: int) -> "Margins":
        """Return what is usual of R references, none of which is suspected; `category`, (R,)."""
        weights, offsets, scores = _ridge(directions, category, categories)
        members = np.zeros((categories, len(category)))
        members[category, np.arange(len(category))] = 1
        counts = members.sum(axis=1)
        margins = scores - scores[np.arange(len(category)), category][:, None]
        means = members @ margins / np.maximum(counts, 1)[:, None]
        squares = members @ (margins - means[category]) ** 2 / np.maximum(counts - 1, 1)[:, None]
        spreads = np.maximum(np.sqrt(squares), MIN_SPREAD)
        return cls(weights.astype(np.float32), offsets, means, spreads, counts)

    def log_ratios(self, directions: Directions, category: Indices, like: Indices) -> Values:
        """Return the log of how much likelier pictures of lists, (K,), are if they are of other categories, (K,)."""
        difference = (self.weights[:, like] - self.weights[:, category]).T
        margins = (directions * difference).sum(axis=1) + self.offsets[like] - self.offsets[category]
        return self._log_density(-margins, like, category) - self._log_density(margins, category, like)

    def _log_density(self, margins: Values, category: Indices, other: Indices) -> Values:
        """Of margins of pictures of some categories towards others, (K,) each, by Student's distribution."""
        count = np.maximum(self.counts[category], 2)
        freedom, spread = np.minimum(count - 1, MAX_FREEDOM), self.spreads[category, other] * np.sqrt(1 + 1 / count)
        deviation = (margins - self.means[category, other]) / spread
        scale = gammaln((freedom + 1) / 2) - gammaln(freedom / 2) - np.log(spread * np.sqrt(freedom))
        return np.asarray(scale - (freedom + 1) / 2 * np.log1p(deviation**2 / freedom))


def _ridge(directions: Directions, category: Indices, categories: int) -> tuple[Values, Values, Values]:
    """Weights, (D, C), and offsets, (C,), and the scores of R references, each by what the others teach, (R, C).

    Each category weighs as much as any other, however many pictures it has. How much a picture's own score owes to
    itself is known without learning again: https://doi.org/10.1080/00401706.1974.10489157
    """
    counts = np.bincount(category, minlength=categories)
    weight = len(category) / (np.count_nonzero(counts) * counts[category])
    target = np.eye(categories)[category]
    centre, usual = weight @ directions / len(category), weight @ target / len(category)
    root = np.sqrt(weight)[:, None]
    x, y = (directions - centre) * root, (target - usual) * root
    ridge = STRENGTH * max(float((x**2).sum()) / len(x), MIN_SPREAD)
    if len(x) < x.shape[1]:
        inverse = np.linalg.inv(x @ x.T + ridge * np.eye(len(x)))
        weights, leverage = x.T @ (inverse @ y), 1 - ridge * inverse.diagonal()
    else:
        inverse = np.linalg.inv(x.T @ x + ridge * np.eye(x.shape[1]))
        weights, leverage = inverse @ (x.T @ y), ((x @ inverse) * x).sum(axis=1)
    leverage = np.minimum(leverage + weight / len(x), MAX_LEVERAGE)[:, None]
    left_out = target - (y - x @ weights) / root / (1 - leverage)
    return weights, usual - centre @ weights, left_out


def probabilities_of_right(log_ratios: Values, category: Indices) -> Values:
    """Return how probably each picture is in the right list, (N,).

    `log_ratios`, (N,): see `Margins.log_ratios`, -inf where a picture is like its own category; `category`, (N,).
    The share of each list that is misfiled is that which is most probable (expectation and maximization in turns).
    """
    counts = np.bincount(category)
    misfiled = np.full(len(counts), MIN_MISFILED)
    for _ in range(MAX_ROUNDS):
        odds = np.log(misfiled / np.maximum(counts - misfiled, MIN_MISFILED))
        wrong = expit(log_ratios + odds[category])
        before, misfiled = misfiled, np.maximum(np.bincount(category, wrong), MIN_MISFILED)
        if np.abs(misfiled - before).max() < TOLERANCE:
            break
    return np.asarray(1 - wrong)


def shares_by_chance(is_right: Values, category: Indices, is_suspected: Flags) -> Values:
    """Return of each suspected picture which share of those of its list that are as clear is there by chance, (N,).

    1 for all others. `is_right`, (N,): how probably a picture is in the right list; `category`, (N,).
    """
    shares = np.ones(len(category))
    for number in np.unique(category[is_suspected]):
        rows = np.flatnonzero(is_suspected & (category == number))
        rows = rows[np.argsort(is_right[rows], kind="stable")]
        shares[rows] = np.cumsum(is_right[rows]) / np.arange(1, len(rows) + 1)
    return shares


def shares_crossing(category: Indices, is_undecided: Flags, is_suspected: Flags) -> Values:
    """Return which share of a list's suspected pictures, (N,), chance brought there, the same for all of them.

    1 for all others. Pictures grow fewer the farther they lie from their own category's. So those that are beyond the
    undecided ones are to these at most as these are to the decided ones.
    """
    undecided = np.bincount(category, is_undecided)
    decided = np.bincount(category) - undecided
    by_chance = undecided**2 / np.maximum(decided, 1)
    shares = by_chance / np.maximum(np.bincount(category, is_suspected), 1)
    return np.where(is_suspected, np.minimum(1, shares)[category], 1.0)
