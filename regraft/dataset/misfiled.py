"""Pictures in the wrong list: a kitten among the tigers. They teach the head a lie, and measure it by one.

A picture is misfiled where nearly all of its nearest neighbours are another category's, and as near to it as that
category's pictures are to each other. So a picture that is merely unlike its own category, a blurred tiger, stays.
Nearness is the cosine of centred features, whatever the head makes of them: neighbours that edit a training set,
https://doi.org/10.1109/TSMC.1972.4309137. Where categories are too alike to tell, none is misfiled.
"""

import logging
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from regraft.links import memory as links
from regraft.store.store import Store
from regraft.verdicts import Reason

# N images, D features, C categories
NEIGHBOURS = 20
"""Pictures that are asked, and that the smallest category must have for any to be called misfiled."""
FOREIGN = 0.75
"""The share of the neighbours that another category must have."""
USUAL = 0.05
"""The share of a category's pictures that count as unusual for it: what is no nearer than those belongs nowhere."""
TOO_ALIKE = 0.2
"""Where more than this share of all pictures has another category's neighbours, they cannot be told by nearness."""
REFERENCES = 6000
"""Pictures at most that others are compared with: equally many of each category, those with the smallest digests."""
TOGETHER = 1024
"""Pictures that are compared at a time."""
log = logging.getLogger("regraft")


def find(manifest: pd.DataFrame, features: NDArray[np.float32]) -> pd.DataFrame:
    """Return what is misfiled: digest, category, and `like`, the category that it is like.

    `manifest`: digest, category; its rows are followed by `features`, (N, D) float32.
    """
    names = np.array(sorted(manifest["category"].unique()))
    category = np.searchsorted(names, manifest["category"].to_numpy(dtype=str))
    if np.bincount(category).min() < NEIGHBOURS:
        return manifest.loc[[], ["digest", "category"]].assign(like="")
    order = np.argsort(manifest["digest"].to_numpy(dtype=str), kind="stable")
    shares, near = _neighbours(features, category, order)
    like = shares.argmax(axis=1)
    foreign = like != category
    if foreign.mean() > TOO_ALIKE:
        log.info("%.0f%% of the pictures are nearer to another category: none is misfiled", 100 * foreign.mean())
        foreign[:] = False
    usual = np.array([np.quantile(near[category == c], USUAL) for c in range(len(names))])
    wrong = foreign & (shares.max(axis=1) >= FOREIGN) & (near >= usual[like])
    return manifest.loc[wrong, ["digest", "category"]].assign(like=names[like[wrong]])


def _neighbours(
    features: NDArray[np.float32], category: NDArray[np.int64], order: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each picture's nearest ones: the share that each category has of them, (N, C), and their mean cosine, (N,)."""
    centred = features - features.mean(axis=0)
    x = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)
    counts = np.bincount(category)
    each = max(NEIGHBOURS, min(int(counts.min()), REFERENCES // len(counts)))
    others = np.concatenate([order[category[order] == c][:each] for c in range(len(counts))])
    shares, near = np.empty((len(x), len(counts))), np.empty(len(x))
    for start in range(0, len(x), TOGETHER):
        these = np.arange(start, min(start + TOGETHER, len(x)))
        cosine = x[these] @ x[others].T
        cosine[these[:, None] == others] = -np.inf  # a picture is no neighbour of its own
        found = np.argpartition(cosine, -NEIGHBOURS, axis=1)[:, -NEIGHBOURS:]
        shares[these] = (category[others[found]][:, :, None] == np.arange(len(counts))).mean(axis=1)
        near[these] = np.take_along_axis(cosine, found, axis=1).mean(axis=1)
    return shares, near


def remembered(found: pd.DataFrame, store: Store) -> pd.DataFrame:
    """Return what is misfiled, without what was accepted by hand, once the store remembers it."""
    known = known_misfiled(store)
    new = found[~among(found, known)]
    if len(new):
        now = new.assign(first_seen=datetime.now(UTC), accepted=False)
        put_misfiled(store, pd.concat([known, now], ignore_index=True) if len(known) else now)
    return new


def accept(store: Store, digest: str, category: str) -> bool:
    """Take a picture for what its list says, from the next run on; tell whether it was called misfiled.

    The store must be held.
    """
    known = known_misfiled(store)
    it = (known["digest"] == digest) & (known["category"] == category) & ~known["accepted"]
    if it.any():
        put_misfiled(store, known.assign(accepted=known["accepted"] | it))
    return bool(it.any())


def shown(links: pd.DataFrame, store: Store) -> pd.DataFrame:
    """Return the links that show misfiled pictures: digest, category, url, like."""
    rows = links.loc[links["reason"] == Reason.MISFILED, ["digest", "category", "url"]]
    return rows.merge(known_misfiled(store)[["digest", "category", "like"]], on=["digest", "category"], how="left")


MISFILED = pa.schema(
    [
        ("digest", pa.string()),
        ("category", pa.string()),
        ("like", pa.string()),
        ("first_seen", links.SCHEMA.field("first_seen").type),
        ("accepted", pa.bool_()),
    ]
)
"""A picture, the category whose list shows it, the one that it is like, and whether somebody took it for right."""


def known_misfiled(store: Store) -> pd.DataFrame:
    """Return the pictures known to be in the wrong list, columns MISFILED."""
    return store.tables.read("links/misfiled.parquet", MISFILED)


def put_misfiled(store: Store, table: pd.DataFrame) -> None:
    """Replace the pictures known to be in the wrong list."""
    store.tables.write("links/misfiled.parquet", table, MISFILED)


def among(table: pd.DataFrame, pictures: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which rows of a table (digest, category) are among some pictures (digest, category)."""
    keys = ["digest", "category"]
    return np.asarray(pd.MultiIndex.from_frame(table[keys]).isin(pd.MultiIndex.from_frame(pictures[keys])))
