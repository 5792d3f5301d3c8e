"""Which pictures lie among another category's: a kitten among the tigers.

A picture is misfiled where nearly all of its nearest neighbours are another category's, and as near to it as that
category's pictures are to each other. So a picture that is merely unlike its own category, a blurred tiger, stays.
Nearness is the cosine of centred features, whatever the head makes of them; neighbours that edit a training set:
https://doi.org/10.1109/TSMC.1972.4309137. Where categories are too alike to tell, none is misfiled.
"""

import logging

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.store.feature_rows import FeatureRows

# N images, D features, C categories, R references
NEIGHBOURS = 20
"""Nearest pictures that are looked at, and that the smallest category must have for any to be called misfiled."""
MIN_FOREIGN_SHARE = 0.75
"""Of the neighbours, that another category must have."""
UNUSUAL_SHARE = 0.05
"""Of a category's pictures, that count as unusual for it: what is no nearer to it than those does not belong to it."""
MAX_FOREIGN_PICTURES = 0.2
"""Where more than this share of all pictures lies among another category's, nearness cannot tell categories apart."""
MAX_REFERENCES = 6000
"""Pictures that others are compared with: equally many of each category, those with the smallest digests."""
BATCH_SIZE = 1024
"""Pictures that are compared at a time."""
log = logging.getLogger("regraft")


def find_misfiled(manifest: pd.DataFrame, features: FeatureRows) -> pd.DataFrame:
    """Return what is misfiled: digest, category, and `like`, the category that it is like.

    `manifest` has N rows with digest and category; `features`, (N, D), are theirs.
    """
    categories = pd.Categorical(manifest["category"])
    names, category = np.array(categories.categories, dtype=str), categories.codes.astype(np.int64)
    if np.bincount(category).min() < NEIGHBOURS:
        return manifest.loc[[], ["digest", "category"]].assign(like="")
    like, shares, cosines = _neighbours(features, category, _references(manifest, category))
    is_foreign = like != category
    if is_foreign.mean() > MAX_FOREIGN_PICTURES:
        log.info("%.0f%% of the pictures are nearer to another category: none is misfiled", 100 * is_foreign.mean())
        is_foreign[:] = False
    usual = pd.Series(cosines).groupby(category).quantile(UNUSUAL_SHARE).to_numpy()
    is_misfiled = is_foreign & (shares >= MIN_FOREIGN_SHARE) & (cosines >= usual[like])
    return manifest.loc[is_misfiled, ["digest", "category"]].assign(like=names[like[is_misfiled]])


def _references(manifest: pd.DataFrame, category: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows, (R,), of the pictures that all are compared with: by category, and by digest."""
    counts = np.bincount(category)
    each = max(NEIGHBOURS, min(int(counts.min()), MAX_REFERENCES // len(counts)))
    keys = pd.DataFrame({"category": category, "digest": manifest["digest"].to_numpy()})
    in_order = keys.sort_values(["category", "digest"], kind="stable")
    return in_order.index[in_order.groupby("category").cumcount() < each].to_numpy(dtype=np.int64)


def _neighbours(
    features: FeatureRows, category: NDArray[np.int64], references: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Of each picture's nearest references, (N,) each: their most frequent category, its share, their mean cosine."""
    centre = sum(block.sum(axis=0, dtype=np.float64) for _, block in features.blocks()) / len(features)
    centre = centre.astype(np.float32)
    reference_directions = _directions(features.read(references), centre)
    position = np.full(len(features), -1)
    position[references] = np.arange(len(references))
    like, shares, cosines = np.empty(len(features), np.int64), np.empty(len(features)), np.empty(len(features))
    for rows, block in features.blocks():
        for part in np.array_split(np.arange(len(rows)), -(-len(rows) // BATCH_SIZE)):
            cosine = _directions(block[part], centre) @ reference_directions.T
            own = position[rows[part]]
            cosine[np.flatnonzero(own >= 0), own[own >= 0]] = -np.inf  # a picture is no neighbour of its own
            nearest = np.argpartition(cosine, -NEIGHBOURS, axis=1)[:, -NEIGHBOURS:]
            like[rows[part]], shares[rows[part]] = _most_frequent(category[references[nearest]])
            cosines[rows[part]] = np.take_along_axis(cosine, nearest, axis=1).mean(axis=1)
    return like, shares, cosines


def _directions(features: NDArray[np.float32], centre: NDArray[np.float32]) -> NDArray[np.float32]:
    """Features, (N, D), as seen from their centre, with length 1."""
    centred = features - centre
    centred /= np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)
    return centred


def _most_frequent(categories: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The most frequent number of each of N rows, the smallest of several, and its share: (N,) each."""
    ordered = np.sort(categories, axis=1)
    is_new = np.concatenate([np.ones((len(ordered), 1), bool), ordered[:, 1:] != ordered[:, :-1]], axis=1)
    column = np.arange(ordered.shape[1])
    first = np.maximum.accumulate(np.where(is_new, column, 0), axis=1)
    last = (column - first).argmax(axis=1)  # where the longest run of equal numbers ends, the first of several
    rows = np.arange(len(ordered))
    return ordered[rows, last], (column[last] - first[rows, last] + 1) / ordered.shape[1]
