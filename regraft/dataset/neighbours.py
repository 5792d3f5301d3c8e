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


def find_misfiled(manifest: pd.DataFrame, features: NDArray[np.float32]) -> pd.DataFrame:
    """Return what is misfiled: digest, category, and `like`, the category that it is like.

    `manifest` has N rows with digest and category; `features`, (N, D) float32, are theirs.
    """
    names = np.array(sorted(manifest["category"].unique()))
    category = np.searchsorted(names, manifest["category"].to_numpy(dtype=str))
    if np.bincount(category).min() < NEIGHBOURS:
        return manifest.loc[[], ["digest", "category"]].assign(like="")
    references = _references(category, np.argsort(manifest["digest"].to_numpy(dtype=str), kind="stable"))
    shares, cosines = _neighbours(features, category, references)
    like = shares.argmax(axis=1)
    is_foreign = like != category
    if is_foreign.mean() > MAX_FOREIGN_PICTURES:
        log.info("%.0f%% of the pictures are nearer to another category: none is misfiled", 100 * is_foreign.mean())
        is_foreign[:] = False
    usual = np.array([np.quantile(cosines[category == c], UNUSUAL_SHARE) for c in range(len(names))])
    is_misfiled = is_foreign & (shares.max(axis=1) >= MIN_FOREIGN_SHARE) & (cosines >= usual[like])
    return manifest.loc[is_misfiled, ["digest", "category"]].assign(like=names[like[is_misfiled]])


def _references(category: NDArray[np.int64], by_digest: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows, (R,), of the pictures that all are compared with; `by_digest` are all rows in the digests' order."""
    counts = np.bincount(category)
    each = max(NEIGHBOURS, min(int(counts.min()), MAX_REFERENCES // len(counts)))
    return np.concatenate([by_digest[category[by_digest] == c][:each] for c in range(len(counts))])


def _neighbours(
    features: NDArray[np.float32], category: NDArray[np.int64], references: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each picture's nearest references: the share that each category has, (N, C), and their mean cosine, (N,)."""
    centred = features - features.mean(axis=0)
    directions = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)
    categories = np.arange(category.max() + 1)
    shares, cosines = np.empty((len(features), len(categories))), np.empty(len(features))
    for start in range(0, len(features), BATCH_SIZE):
        rows = np.arange(start, min(start + BATCH_SIZE, len(features)))
        cosine = directions[rows] @ directions[references].T
        cosine[rows[:, None] == references] = -np.inf  # a picture is no neighbour of its own
        nearest = np.argpartition(cosine, -NEIGHBOURS, axis=1)[:, -NEIGHBOURS:]
        shares[rows] = (category[references[nearest]][:, :, None] == categories).mean(axis=1)
        cosines[rows] = np.take_along_axis(cosine, nearest, axis=1).mean(axis=1)
    return shares, cosines
