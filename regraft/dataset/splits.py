"""Splits. An image's depends on (seed, category, digest) and on no other image, so it is the same in every run."""

import hashlib
from typing import Literal

from regraft.config import SplitSettings

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
"""The splits, the one that is held out most last."""


def split_of(settings: SplitSettings, seed: int, category: str, digest: str) -> Split:
    """Return the split of an image."""
    share = uniform("split", seed, category, digest)
    if share < settings.test:
        return "test"
    return "validation" if share < settings.test + settings.validation else "train"


def uniform(*key: object) -> float:
    """Return a number in (0, 1) that is fixed by the key, and uniform over many keys."""
    digest = hashlib.sha256("\x1f".join(map(str, key)).encode()).digest()
    return (int.from_bytes(digest[:8], "big") + 0.5) / 2**64
