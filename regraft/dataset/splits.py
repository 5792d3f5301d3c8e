"""Splits. An image's depends on (seed, category, digest) and on no other image, so it is the same in every run.

The one exception is a category so small that one of its splits would be empty: docs/decisions/stand-ins.md.
"""

import hashlib
from typing import Literal

import pandas as pd

from regraft.config import SplitSettings

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
"""The splits, the one that is held out most last."""


def split_of(settings: SplitSettings, seed: int, category: str, digest: str) -> Split:
    """Return the split of an image."""
    share = _share(seed, category, digest)
    if share < settings.test:
        return "test"
    return "validation" if share < settings.test + settings.validation else "train"


def splits_of(pictures: pd.DataFrame, settings: SplitSettings, seed: int) -> "pd.Series[str]":
    """Return the splits of pictures (category, digest, cluster), none of them empty in any category.

    Each picture has its own, see `split_of`. Where a category would have none in some split, the picture whose number
    lies nearest to that split stands in, as long as no picture that belongs there is around. A near-duplicate never
    does, nor the last one of its own split; where no other is left, the split stays empty.
    """
    keys = list(zip(pictures["category"], pictures["digest"], strict=True))
    splits = pd.Series([split_of(settings, seed, *key) for key in keys], pictures.index, dtype=object)
    is_alone = ~pictures["cluster"].duplicated(keep=False)
    counts = splits.groupby(pictures["category"]).nunique()
    rows_of = pictures.groupby("category").indices
    for category in counts.index[counts < len(SPLITS)]:
        rows = rows_of[category]
        own = pictures.iloc[rows]
        shares = pd.Series([_share(seed, category, digest) for digest in own["digest"]], own.index, dtype=float)
        splits.iloc[rows] = _with_stand_ins(splits.iloc[rows], shares, is_alone.iloc[rows], settings)
    return splits


def _with_stand_ins(
    splits: "pd.Series[str]", shares: "pd.Series[float]", is_alone: "pd.Series[bool]", settings: SplitSettings
) -> "pd.Series[str]":
    """The splits of one category, with a stand-in for each that is empty, the one that is held out most first."""
    held_out = settings.test + settings.validation
    ranges = {"test": (0, settings.test), "validation": (settings.test, held_out), "train": (held_out, 1)}
    splits = splits.copy()
    for split in reversed(SPLITS):
        is_spare = splits.duplicated(keep=False) & is_alone
        if (splits == split).any() or not is_spare.any():
            continue
        low, high = ranges[split]
        distance = (low - shares).clip(lower=0) + (shares - high).clip(lower=0)
        splits.iloc[int(distance.where(is_spare).argmin())] = split
    return splits


def _share(seed: int, category: str, digest: str) -> float:
    """The number of an image, in (0, 1), that its split follows from."""
    return uniform("split", seed, category, digest)


def uniform(*key: object) -> float:
    """Return a number in (0, 1) that is fixed by the key, and uniform over many keys."""
    digest = hashlib.sha256("\x1f".join(map(str, key)).encode()).digest()
    return (int.from_bytes(digest[:8], "big") + 0.5) / 2**64
