"""Which pictures lie among another category's: a kitten among the tigers.

A picture is misfiled where most of its nearest neighbours are another category's, and as near to it as that category's
pictures are to each other. So a picture that is merely unlike its own category, a blurred tiger, stays. Nearness is the
cosine of centred features, whatever the head makes of them; neighbours that edit a training set:
https://doi.org/10.1109/TSMC.1972.4309137. What is misfiled is left out, and the rest is looked at again, until nothing
new is found: so even lists of which a third is wrong are put right.

A list may show more than one kind of picture, such as photographs and some drawings. Pictures that lie nearer to each
other than the other category's pictures would are such a kind, not misfiled. And where categories overlap, some lie on
another's side by chance, as `chance` reckons. Such pictures are doubtful: they stay, and a person is asked.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import bdtrc

from regraft.dataset.chance import Margins, probabilities_of_right, shares_by_chance, shares_crossing
from regraft.store.feature_rows import FeatureRows

# N images, D features, C categories, R references, K images at a time, M nearest references of each
NEIGHBOURS = 10
"""Nearest pictures that are looked at; of small categories half as many as the smallest has, but no fewer than 3."""
MIN_NEIGHBOURS = 3
NAMED_NEIGHBOURS = 5
"""Neighbours that are named as the reason why a picture is misfiled."""
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
MAX_CHANCE = 0.1
"""Share of a list's misfiled pictures that may look so by chance; those beyond it are doubtful."""
MAX_PROBABILITY = 0.5
"""That a misfiled picture is in the right list all the same; those that are likelier right are doubtful."""
MAX_ROUNDS = 10
MAX_REFERENCES = 6000
"""Pictures that others are compared with: of each category those with the smallest digests, of small ones all."""
MAX_NEAREST = 64
"""References that are kept of each picture, nearest first: those that are not misfiled are its neighbours."""
BATCH_SIZE = 1024
"""Pictures that are compared at a time."""
NO_REFERENCE = -1
"""The position of a picture that is none of the references."""
Indices = NDArray[np.int64]
Values = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Suspects:
    """Pictures that are nearer to another category than to their own."""

    misfiled: pd.DataFrame
    """What is in the wrong list: digest, category, `like`, the category that it is like, `chance`, which share of
    those of its list that look at least as misfiled do so by chance, `share`, how many of its nearest neighbours are of
    that category, and `neighbours`, the digests of the nearest of these, with blanks between."""
    doubtful: pd.DataFrame
    """What may be in the wrong list, and stays until a person decides; the same columns."""


@dataclass(frozen=True)
class _Nearest:
    """The nearest references of K pictures, nearest first."""

    references: Indices
    """(K, M)"""
    cosines: NDArray[np.float32]
    """(K, M)"""


@dataclass(frozen=True)
class _Neighbours:
    """What the neighbours of K pictures are."""

    like: Indices
    """(K,) their most frequent category."""
    shares: Values
    """(K,) its share of them."""
    cosines: Values
    """(K,) the mean cosine between a picture and them."""
    references: Indices
    """(K, count) they themselves, nearest first."""


@dataclass(frozen=True)
class _References:
    """The pictures that others are compared with, after some rounds."""

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


def find_misfiled(manifest: pd.DataFrame, features: FeatureRows) -> Suspects:
    """Return what is misfiled, and what is doubtful.

    `manifest` has N rows with digest and category; `features`, (N, D), are theirs.
    """
    categories = pd.Categorical(manifest["category"])
    names, category = np.array(categories.categories, dtype=str), categories.codes.astype(np.int64)
    rows = _reference_rows(manifest, category)
    centre = sum(block.sum(axis=0, dtype=np.float64) for _, block in features.blocks()) / len(features)
    centre = centre.astype(np.float32)
    directions = _directions(features.read(rows), centre)
    references = _after_rounds(category[rows], _nearest(directions, directions, np.arange(len(rows))))
    position = np.full(len(features), NO_REFERENCE)
    position[rows] = np.arange(len(rows))
    left = ~references.is_misfiled
    margins = Margins.of(directions[left], category[rows][left], len(names))
    like, is_misfiled = category.copy(), np.zeros(len(category), bool)
    shares, log_ratios = np.ones(len(category)), np.full(len(category), -np.inf)
    named, digests = np.full(len(category), "", dtype=object), manifest["digest"].to_numpy()[rows]
    for block_rows, block in features.blocks():
        block_directions = _directions(block, centre)
        nearest = _nearest(block_directions, directions, position[block_rows])
        neighbours = _neighbours(nearest, references)
        like[block_rows], shares[block_rows] = neighbours.like, neighbours.shares
        is_misfiled[block_rows] = _is_misfiled(category[block_rows], nearest, neighbours, references)
        foreign = np.flatnonzero(neighbours.like != category[block_rows])
        rows_of_foreign = block_rows[foreign]
        log_ratios[rows_of_foreign] = margins.log_ratios(
            block_directions[foreign], category[rows_of_foreign], like[rows_of_foreign]
        )
        for place in foreign:
            near = neighbours.references[place]
            is_like = references.category[near] == neighbours.like[place]
            named[block_rows[place]] = " ".join(digests[near[is_like][:NAMED_NEIGHBOURS]])
    is_right = probabilities_of_right(log_ratios, category)
    is_misfiled &= log_ratios > 0
    by_margin = shares_by_chance(is_right, category, is_misfiled & (is_right < MAX_PROBABILITY))
    crossing = shares_crossing(category, shares < MIN_FOREIGN_SHARE, is_misfiled & references.judges_nearness[like])
    chance = np.minimum(by_margin, crossing)
    is_misfiled &= chance <= MAX_CHANCE
    suspects = manifest[["digest", "category"]].assign(like=names[like], chance=chance, share=shares, neighbours=named)
    return Suspects(suspects[is_misfiled], suspects[(like != category) & ~is_misfiled])


def _reference_rows(manifest: pd.DataFrame, category: Indices) -> Indices:
    """The rows, (R,), of the pictures that all are compared with: by category, and by digest."""
    counts = np.sort(np.bincount(category))
    taken_whole = np.concatenate([[0], counts.cumsum()[:-1]])
    caps = (MAX_REFERENCES - taken_whole) // np.arange(len(counts), 0, -1)  # for all but the smallest ones
    is_too_large = counts > caps
    most = max(NEIGHBOURS, int(caps[is_too_large.argmax()])) if is_too_large.any() else int(counts.max())
    keys = pd.DataFrame({"category": category, "digest": manifest["digest"].to_numpy()})
    in_order = keys.sort_values(["category", "digest"], kind="stable")
    return in_order.index[in_order.groupby("category").cumcount() < most].to_numpy(dtype=np.int64)


def _after_rounds(category: Indices, nearest: _Nearest) -> _References:
    """The references once no new ones are found to be misfiled."""
    is_misfiled = np.zeros(len(category), bool)
    for _ in range(MAX_ROUNDS):
        references = _judged_references(category, nearest, is_misfiled)
        is_misfiled_now = _is_misfiled(category, nearest, _neighbours(nearest, references), references)
        if (is_misfiled_now == is_misfiled).all():
            break
        is_misfiled = is_misfiled_now
    return references


def _judged_references(category: Indices, nearest: _Nearest, is_misfiled: Flags) -> _References:
    """The references once those that are misfiled are no neighbours any more."""
    left = np.bincount(category[~is_misfiled], minlength=int(category.max()) + 1)
    count = min(NEIGHBOURS, max(MIN_NEIGHBOURS, int(left.min()) // 2))
    unjudged = _References(category, category, is_misfiled, count, np.empty(0))
    neighbours = _neighbours(nearest, unjudged)
    is_own = (neighbours.like == category) & ~is_misfiled
    min_cosines = _usual_from(neighbours.cosines[is_own], category[is_own], len(left))
    min_cosines[left < MIN_PICTURES] = np.inf
    return _References(category, neighbours.like, is_misfiled, count, min_cosines)


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


def _nearest(pictures: NDArray[np.float32], references: NDArray[np.float32], own: Indices) -> _Nearest:
    """The nearest references of pictures; `own`, (K,), are their positions, or NO_REFERENCE."""
    kept = max(1, min(MAX_NEAREST, len(references) - 1))
    positions, cosines = np.empty((len(pictures), kept), np.int64), np.empty((len(pictures), kept), np.float32)
    for part in np.array_split(np.arange(len(pictures)), -(-len(pictures) // BATCH_SIZE)):
        cosine = pictures[part] @ references.T
        is_reference = own[part] >= 0
        cosine[is_reference, own[part][is_reference]] = -np.inf  # a picture is no neighbour of its own
        nearest = np.argpartition(cosine, -kept, axis=1)[:, -kept:]
        near = np.take_along_axis(cosine, nearest, axis=1)
        order = np.lexsort((nearest, -near), axis=1)
        positions[part] = np.take_along_axis(nearest, order, axis=1)
        cosines[part] = np.take_along_axis(near, order, axis=1)
    return _Nearest(positions, cosines)


def _neighbours(nearest: _Nearest, references: _References) -> _Neighbours:
    """The nearest references that are not misfiled, as many as are looked at."""
    order = np.argsort(references.is_misfiled[nearest.references], axis=1, kind="stable")[:, : references.count]
    chosen = np.take_along_axis(nearest.references, order, axis=1)
    cosines = np.take_along_axis(nearest.cosines, order, axis=1).mean(axis=1, dtype=np.float64)
    return _Neighbours(*_most_frequent(references.category[chosen]), cosines, chosen)


def _is_misfiled(category: Indices, nearest: _Nearest, neighbours: _Neighbours, references: _References) -> Flags:
    """Which of K pictures are in the wrong list, (K,)."""
    like = neighbours.like
    is_near = neighbours.cosines >= references.min_cosines[like]
    is_large = references.min_cosines[category] < np.inf
    result = (like != category) & (neighbours.shares >= MIN_FOREIGN_SHARE) & is_near & is_large
    suspected = np.flatnonzero(result)
    part = _Nearest(nearest.references[suspected], nearest.cosines[suspected])
    result[suspected] = ~_is_kind_of_its_own(category[suspected], like[suspected], part, references)
    return result


def _is_kind_of_its_own(category: Indices, like: Indices, nearest: _Nearest, references: _References) -> Flags:
    """Which suspected pictures, (K,), lie among others that the same list shows and that are like the same category.

    Had they come from that category at random, these would be no nearer to them than that category's own pictures.
    """
    pair = references.category * (int(references.category.max()) + 1) + references.like
    pairs, pair_counts = np.unique(pair, return_counts=True)
    width = int(references.category.max()) + 1
    kin_pair, own_pair = category * width + like, like * width + like
    kin_count, own_count = (_count_of(each, pairs, pair_counts) for each in (kin_pair, own_pair))
    near = pair[nearest.references]
    is_kin = near == kin_pair[:, None]
    order = np.argsort(~(is_kin | (near == own_pair[:, None])), axis=1, kind="stable")[:, :KIN]
    kin = np.take_along_axis(is_kin, order, axis=1).sum(axis=1)
    probability = (kin_count - 1).clip(min=0) / (kin_count + own_count - 1).clip(min=1)
    return np.asarray(bdtrc(kin - 1, order.shape[1], probability) < MIN_KIN_PROBABILITY)  # by the binomial distribution


def _count_of(wanted: Indices, values: Indices, counts: Indices) -> Indices:
    """How often each of K wanted numbers is among some, of which the distinct values, sorted, and counts are known."""
    position = np.searchsorted(values, wanted).clip(max=len(values) - 1)
    return np.where(values[position] == wanted, counts[position], 0)


def _directions(features: NDArray[np.float32], centre: NDArray[np.float32]) -> NDArray[np.float32]:
    """Features, (N, D), as seen from their centre, with length 1."""
    centred = features - centre
    centred /= np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)
    return centred


def _most_frequent(categories: Indices) -> tuple[Indices, Values]:
    """The most frequent number of each of N rows, the smallest of several, and its share: (N,) each."""
    ordered = np.sort(categories, axis=1)
    is_new = np.concatenate([np.ones((len(ordered), 1), bool), ordered[:, 1:] != ordered[:, :-1]], axis=1)
    column = np.arange(ordered.shape[1])
    first = np.maximum.accumulate(np.where(is_new, column, 0), axis=1)
    last = (column - first).argmax(axis=1)  # where the longest run of equal numbers ends, the first of several
    rows = np.arange(len(ordered))
    return ordered[rows, last], (column[last] - first[rows, last] + 1) / ordered.shape[1]
