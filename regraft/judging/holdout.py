"""The images that candidate and champion are compared on: the test split, and those of earlier runs whose links died.

An image's bytes stay in the store when its link is gone, and its split and label are drawn from its digest. So the
holdout only grows, and a champion is still judged on what it was judged on when it was promoted.
"""

import numpy as np
import pandas as pd

from regraft.config import Config
from regraft.dataset.labels import label_by
from regraft.dataset.splits import split_of
from regraft.pictures.near import clusters
from regraft.store import versions
from regraft.store.store import Store

COLUMNS = ["digest", "category", "phash", "label"]


def holdout(manifest: pd.DataFrame, links: pd.DataFrame, config: Config, store: Store) -> pd.DataFrame:
    """Return the images to compare on, columns COLUMNS: this run's test split first, then what earlier runs held out.

    Of the earlier ones those are left out that links now show to be junk (their owners opted out, say), whose bytes
    are gone, or that are near-duplicates of an image that this run trains on.
    """
    now = manifest.loc[manifest["split"] == "test", COLUMNS]
    found = _earlier(store)
    junk = set(links.loc[links["verdict"] == "junk", "digest"])
    found = found[~found["digest"].isin(set(manifest["digest"]) | junk)]
    ours = [
        _is_test(category, digest, config) and store.blobs.has(digest)
        for category, digest in zip(found["category"], found["digest"], strict=True)
    ]
    found = found[np.array(ours, dtype=bool)]
    if found.empty:
        return now.reset_index(drop=True)
    labels = [
        _label(category, digest, label, config)
        for category, digest, label in zip(found["category"], found["digest"], found["label"], strict=True)
    ]
    found = found.assign(label=pd.Series(labels, found.index, now["label"].dtype)).dropna(subset=["label"])
    found = found[~_near(found, manifest[manifest["split"] != "test"], config.screen.near)]
    return pd.concat([now, found], ignore_index=True)


def _earlier(store: Store) -> pd.DataFrame:
    published = versions.names(store)
    if not published or not store.disk.exists(f"versions/{published[-1]}/holdout.parquet"):
        return pd.DataFrame(columns=COLUMNS)
    return versions.version(store, published[-1]).table("holdout.parquet")[COLUMNS]


def _is_test(category: str, digest: str, config: Config) -> bool:
    """Whether an image is held out by today's config too."""
    return category in config.categories and split_of(config.split, config.seed, category, digest) == "test"


def _label(category: str, digest: str, label: float | str, config: Config) -> float | str | None:
    """The image's label by today's config; a real one is kept; None where the length of a dead link was never known."""
    drawn = label_by(config, category, digest)
    if drawn is None and isinstance(label, float):
        return label
    return drawn


def _near(found: pd.DataFrame, trained: pd.DataFrame, near: int) -> "pd.Series[bool]":
    """Which images have a near-duplicate among those trained on."""
    both = pd.concat([found[["digest", "phash"]], trained[["digest", "phash"]]], ignore_index=True)
    leaders = clusters(both["phash"], both["digest"], near)
    theirs = set(leaders.iloc[len(found) :])
    return pd.Series(leaders.iloc[: len(found)].isin(theirs).to_numpy(dtype=bool), index=found.index)
