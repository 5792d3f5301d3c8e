"""Kinds that are drawn by chance, some more often than others."""

from enum import StrEnum
from typing import Self


class Weighted(StrEnum):
    """One of several kinds."""

    weight: int
    """How often it is drawn, relative to the others."""

    def __new__(cls, text: str, weight: int = 0) -> Self:
        """Make a kind that is equal to its text."""
        kind = str.__new__(cls, text)
        kind._value_ = text
        kind.weight = weight
        return kind
