"""Whether pictures that look misfiled are a kind of their own: nearer to their kin than to the other category's.

Kin are the pictures of the same list that are like the same other category. Had they all come from that category at
random, a picture's cosines to its kin would rank among those to the category's own as any, which a Mann-Whitney test
tells: https://doi.org/10.1214/aoms/1177730491. So far as they rank higher, that speaks for a kind of its own, and
against its being misfiled, at most by the factor exp(z**2 / 2): https://doi.org/10.1037/h0044139
"""

import numpy as np

from regraft.dataset.edited_references import EditedReferences
from regraft.dataset.nearest import BATCH_SIZE, Directions, Indices, Values, directions_of

# K images, R references, D features


def kin_log_ratios(
    directions: Directions, category: Indices, like: Indices, own: Indices, references: EditedReferences
) -> Values:
    """Return the log of how much likelier pictures' nearness to their kin is if they are misfiled, (K,), 0 at most.

    `directions`, (K, D), are those of pictures of the lists `category`, (K,), that look as if they were of `like`,
    (K,); `own`, (K,), are their own positions among the references, or NO_REFERENCE.
    """
    deviations = np.zeros(len(category))
    for pair in np.unique(np.stack([category, like], axis=1), axis=0):
        rows = np.flatnonzero((category == pair[0]) & (like == pair[1]))
        is_like = references.like == pair[1]
        kin = np.flatnonzero(is_like & (references.category == pair[0]))
        theirs = np.flatnonzero(is_like & (references.category == pair[1]))
        if not len(theirs):
            continue
        centre = references.directions[np.concatenate([kin, theirs])].mean(axis=0)
        near_kin, near_theirs = (directions_of(references.directions[each], centre) for each in (kin, theirs))
        for part in np.array_split(rows, -(-len(rows) // BATCH_SIZE)):
            pictures = directions_of(directions[part], centre)
            to_kin, to_theirs = pictures @ near_kin.T, np.sort(pictures @ near_theirs.T, axis=1)
            deviations[part] = [
                _deviation(kin_cosines[kin != itself], cosines)
                for kin_cosines, cosines, itself in zip(to_kin, to_theirs, own[part], strict=True)
            ]
    return -(np.maximum(deviations, 0) ** 2) / 2


def _deviation(values: Values, others: Values) -> float:
    """By how many standard deviations some values rank higher than others, which are sorted; 0 where there are none."""
    count, other_count = len(values), len(others)
    pairs = count * other_count
    if not pairs:
        return 0.0
    lower = np.searchsorted(others, values).sum()
    return float((lower - pairs / 2) / np.sqrt(pairs * (count + other_count + 1) / 12))
