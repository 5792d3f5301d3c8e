"""Hashes cut into bands of bits: near ones agree in some of the bands, so that only those need be compared."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

# N hashes; a hash is 64 bits as one uint64
HASH_BITS = 64
SMALL_BUCKET = 512
"""Hashes that are compared each with each where they agree in some bits. Larger buckets are divided once more."""
SORT_COST = 64
"""What it costs to put one hash into its bucket, in comparisons of two hashes."""
Hashes = NDArray[np.uint64]
Rows = NDArray[np.int64]
"""Positions of some of N hashes."""


@dataclass(frozen=True)
class Bands:
    """Some bands of bits: their masks, disjoint, each of adjacent bits, the lowest first."""

    masks: tuple[int, ...]

    @property
    def first(self) -> "Bands":
        """The lowest one alone."""
        return Bands(self.masks[:1])

    @property
    def mask(self) -> np.uint64:
        """All their bits."""
        return np.uint64(sum(self.masks))

    def key(self, hashes: Hashes) -> NDArray[Any]:
        """Return what hashes have in these bands, in as few bits as possible: numbers of 16 bits are sorted fast."""
        width = self.mask.item().bit_count()
        key: NDArray[Any] = np.zeros(len(hashes), dtype=np.uint16 if width <= 16 else np.uint64)
        for mask in self.masks:
            low = (mask & -mask).bit_length() - 1
            key <<= mask.bit_count()
            key |= ((hashes & np.uint64(mask)) >> np.uint64(low)).astype(key.dtype)
        return key


@dataclass(frozen=True)
class Keys:
    """Choices of `agreeing` bands of bits, in one of which near hashes agree."""

    bands: tuple[int, ...]
    """A mask for each band."""
    agreeing: int
    bits: float
    """Bits in which those that are compared agree, on average."""

    @classmethod
    def cheapest(cls, bits: int, is_mirrored: bool, near: int, hashes: int, pairs: float) -> "Keys":
        """Return the keys that cost least for hashes that vary in so many bits, so many pairs of which matter."""
        counts = range(near + 1, min(bits, near + 5) + 1)
        choices = [cls.cut(bits, is_mirrored, count, count - near) for count in counts]
        return min(choices, key=lambda keys: keys.cost(hashes, pairs))

    @classmethod
    def cut(cls, bits: int, is_mirrored: bool, count: int, agreeing: int) -> "Keys":
        """Return the choices of so many agreeing bands of so many."""
        edges = [bits * number // count for number in range(count + 1)]
        bands = tuple((1 << high) - (1 << low) for low, high in pairwise(edges))
        return cls(bands, agreeing, agreeing * bits / count - is_mirrored)

    @property
    def count(self) -> int:
        """How many choices there are."""
        return comb(len(self.bands), self.agreeing)

    def cost(self, hashes: int, pairs: float) -> float:
        """Return what all choices cost, in comparisons of two hashes: large buckets have to be divided once more."""
        again = self.count if hashes / 2**self.bits > SMALL_BUCKET / 2 else 1
        return self.count * again * (SORT_COST * hashes + pairs / 2 ** (self.bits + 1))

    def choices(self) -> Iterator[Bands]:
        """Yield each choice."""
        yield from map(Bands, combinations(self.bands, self.agreeing))
