"""The pictures that others are compared with, once those among them that are in the wrong list are left out.

Edited nearest neighbours: https://doi.org/10.1109/TSMC.1972.4309137. What is misfiled is left out, and the rest is
looked at again, until nothing new is found: so even lists of which a third is wrong are put right.

A list may show more than one kind of picture, such as photographs and some drawings. Pictures that lie nearer to each
other than the other category's pictures would are such a kind, not misfiled.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.special import bdtrc

from regraft.dataset.chance import Margins
from regraft.dataset.nearest import Directions, Flags, Indices, Nearest, Values, most_frequent

# R references, D features, C categories, K images at a time
NEIGHBOURS = 10
"""Nearest pictures that are looked at; of small categories half as many as the smallest has, but no fewer than 3."""
MIN_NEIGHBOURS = 3
MIN_PICTURES = 10
"""That a category must have for any of its pictures to be called misfiled, or any to be called one of its own."""
MIN_FOREIGN_SHARE = 0.65
"""Of the neighbours, that another category must have; with a smaller share of any category a picture is undecided."""
UNUSUAL_SHARE = 0.02
"""Of a category's pictures, that count as unusual for it: what is no nearer to it than those does not belong to it."""
KIN = 5
"""Nearest pictures that show whether some pictures of a list are a kind of their own."""
MIN_KIN_PROBABILITY = 0.02
"""Where so many of these are suspected too, and it is less probable than this that chance brought them there, they are
a kind of their own."""
MAX_ROUNDS = 10


@dataclass(frozen=True)
class Neighbours:
    """What the neighbours of K pictures are."""

    like: Indices
    """(K,) their most frequent category."""
    shares: Values
    """(K,) its share of them."""
    cosines: Values
    """(K,) the mean cosine between a picture and them."""
    references: Indices
    """(K, count) they themselves, nearest first."""


@dataclass(frozen=True, kw_only=True)
class EditedReferences:
    """The pictures that others are compared with, after some rounds."""

    directions: Directions
    """(R, D)"""
    category: Indices
    """(R,) whose list shows them."""
    like: Indices
    """(R,) what they are like."""
    is_misfiled: Flags
    """(R,)"""
    count: int
    """Neighbours that are looked at."""
    min_cosines: Values
    """(C,) the mean cosine from which on a picture is as near to a category as its own are; inf for those that are too
    small to have misfiled pictures, -inf for those of which every picture is near enough."""

    @property
    def judges_nearness(self) -> Flags:
        """Which categories, (C,), have so many pictures that some picture would not be near to them."""
        return np.isfinite(self.min_cosines)

    @cached_property
    def margins(self) -> Margins:
        """What is usual of those that are not misfiled."""
        left = ~self.is_misfiled
        return Margins.of(self.directions[left], self.category[left], len(self.min_cosines))

    def neighbours(self, nearest: Nearest) -> Neighbours:
        """Return the nearest of K pictures that are not misfiled, as many as are looked at."""
        chosen = nearest.among(~self.is_misfiled[nearest.references], self.count)
        cosines = chosen.cosines.mean(axis=1, dtype=np.float64)
        return Neighbours(*most_frequent(self.category[chosen.references]), cosines, chosen.references)

    def are_misfiled(self, category: Indices, nearest: Nearest, neighbours: Neighbours) -> Flags:
        """Return which of K pictures, whose lists are `category`, (K,), lie among another category's, (K,)."""
        like = neighbours.like
        is_near = neighbours.cosines >= self.min_cosines[like]
        is_large = self.min_cosines[category] < np.inf
        result = (like != category) & (neighbours.shares >= MIN_FOREIGN_SHARE) & is_near & is_large
        suspected = np.flatnonzero(result)
        result[suspected] = ~self._are_kind_of_their_own(category[suspected], like[suspected], nearest.rows(suspected))
        return result

    def _are_kind_of_their_own(self, category: Indices, like: Indices, nearest: Nearest) -> Flags:
        """Which suspected pictures, (K,), lie among others of the same list that are like the same category.

        Had they come from that category at random, these would be no nearer to them than that category's own pictures.
        """
        width = len(self.min_cosines)
        pair = self.category * width + self.like  # of a list and what its picture is like
        kin_pair, own_pair = category * width + like, like * width + like
        counts = pd.Series(pair).value_counts()
        kin_count, own_count = (counts.reindex(each, fill_value=0).to_numpy() for each in (kin_pair, own_pair))
        near = pair[nearest.references]
        few = nearest.among((near == kin_pair[:, None]) | (near == own_pair[:, None]), KIN)
        kin_near = (pair[few.references] == kin_pair[:, None]).sum(axis=1)
        probability = (kin_count - 1).clip(min=0) / (kin_count + own_count - 1).clip(min=1)
        by_chance = bdtrc(kin_near - 1, few.references.shape[1], probability)  # by the binomial distribution
        return np.asarray(by_chance < MIN_KIN_PROBABILITY)


def edited_references(directions: Directions, category: Indices) -> EditedReferences:
    """Return references, (R, D), whose lists are `category`, (R,), once no new ones are found to be misfiled."""
    nearest = Nearest.of(directions, directions, np.arange(len(category)))
    is_misfiled = np.zeros(len(category), bool)
    for _ in range(MAX_ROUNDS):
        references = _judged_references(directions, category, nearest, is_misfiled)
        is_misfiled_now = references.are_misfiled(category, nearest, references.neighbours(nearest))
        if (is_misfiled_now == is_misfiled).all():
            break
        is_misfiled = is_misfiled_now
    return references


def _judged_references(
    directions: Directions, category: Indices, nearest: Nearest, is_misfiled: Flags
) -> EditedReferences:
    """The references once those that are misfiled are no neighbours any more."""
    left = np.bincount(category[~is_misfiled], minlength=int(category.max()) + 1)
    count = min(NEIGHBOURS, max(MIN_NEIGHBOURS, int(left.min()) // 2))
    unjudged = EditedReferences(
        directions=directions,
        category=category,
        like=category,
        is_misfiled=is_misfiled,
        count=count,
        min_cosines=np.full(len(left), np.inf),
    )
    neighbours = unjudged.neighbours(nearest)
    is_own = (neighbours.like == category) & ~is_misfiled
    min_cosines = _usual_from(neighbours.cosines[is_own], category[is_own], len(left))
    min_cosines[left < MIN_PICTURES] = np.inf
    return replace(unjudged, like=neighbours.like, min_cosines=min_cosines)


def _usual_from(cosines: Values, category: Indices, categories: int) -> Values:
    """From which cosine on a picture is as near to each category as its own are, (C,), by its rank among these.

    Of fewer than some fifty no rank is unusual. https://doi.org/10.48550/arXiv.0706.3188
    """
    order = np.lexsort((cosines, category))
    counts = np.bincount(category, minlength=categories)
    rank = np.floor(UNUSUAL_SHARE * (counts + 1)).astype(np.int64)
    starts = counts.cumsum() - counts
    result = np.full(categories, -np.inf)
    result[rank > 0] = cosines[order[(starts + rank - 1)[rank > 0]]]
    return result
