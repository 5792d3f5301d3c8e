"""Splits, drawn from (seed, category, digest) and never from a position."""

import hashlib
from typing import Literal

from regraft.config import SplitSettings

Split = Literal["train", "validation", "test"]


SPLITS: tuple[Split, ...] = ("train", "validation", "test")


def drawn(*words: object) -> float:
    """Return a number in (0, 1), uniform, fixed by the words."""
    digest = hashlib.sha256("\x1f".join(map(str, words)).encode()).digest()
    return (int.from_bytes(digest[:8], "big") + 0.5) / 2**64


def split_of(split: SplitSettings, seed: int, category: str, digest: str) -> Split:
    """Return the split of an image."""
    x = drawn("split", seed, category, digest)
    if x < split.test:
        return "test"
    return "validation" if x < split.test + split.validation else "train"
