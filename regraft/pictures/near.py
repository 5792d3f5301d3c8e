"""Which pictures are near-duplicates: those whose perceptual hashes differ in a few bits, joined through chains.

Pairs are never listed, because a dense cluster has too many: what is joined already is not compared again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from regraft.pictures.perceptual import MIRRORED

# N hashes; a hash is 64 bits as one uint64
HASH_BITS = 64
PROBES = 64
"""Hashes that are compared with all others at a time: in a dense cluster they join nearly all."""
SMALL_BUCKET = 128
"""Hashes that are compared each with each where they agree in some bits. Larger buckets are divided once more."""
SORT_COST = 64
"""What it costs to put one hash into its bucket, in comparisons of two hashes."""
Rows = NDArray[np.int64]
"""Positions of some of N hashes."""


def clusters(phashes: "pd.Series[str]", digests: "pd.Series[str]", near: int) -> "pd.Series[str]":
    """Return for each picture the smallest digest among its near-duplicates, joined through chains of them.

    Two pictures are near if at most `near` of the 64 bits of their perceptual hashes differ, or of the hash of the one
    and that of the other mirrored.
    """
    group = groups_of_pictures(hash_bits(phashes), near)
    order = np.argsort(np.asarray(digests, dtype="S64"), kind="stable")
    _, firsts = np.unique(group[order], return_index=True)
    return digests.iloc[order[firsts][group]].reset_index(drop=True)


def hash_bits(phashes: "pd.Series[str]") -> NDArray[np.uint64]:
    """Return N perceptual hashes as numbers, (N,) uint64; none, "", is 0."""
    digits = "".join(phashes.mask(phashes == "", "0" * (HASH_BITS // 4)))
    return np.frombuffer(bytes.fromhex(digits), dtype=">u8").astype(np.uint64)


def groups_of_pictures(hashes: NDArray[np.uint64], near: int) -> Rows:
    """Return the number of the group, from 0, that each of N pictures is in, (N,), by their hashes.

    Near pictures share a group, and so do pictures that are near once one of them is mirrored.
    """
    count = len(hashes)
    group = near_groups(np.concatenate([hashes, hashes ^ np.uint64(MIRRORED)]), near)
    # Mirroring all pictures turns each group into a group, so the two are one: it is named by the smaller number.
    return np.unique(np.minimum(group[:count], group[count:]), return_inverse=True)[1]


def near_groups(hashes: NDArray[np.uint64], near: int) -> Rows:
    """Return the number of the group, from 0, that each of N hashes is in, (N,); near hashes share a group."""
    distinct, inverse = np.unique(hashes, return_inverse=True)
    groups = _Groups(len(distinct))
    _Search(distinct, near, groups).join(np.arange(len(distinct)))
    roots = groups.roots(np.arange(len(distinct)))
    return np.unique(roots, return_inverse=True)[1][inverse]


class _Groups:
    """Which of N hashes are joined: a forest, https://en.wikipedia.org/wiki/Disjoint-set_data_structure."""

    def __init__(self, count: int):
        self._parent = np.arange(count)

    def roots(self, rows: Rows) -> Rows:
        """Return for each row the one that stands for its group."""
        roots = self._parent[rows]
        while not np.array_equal(above := self._parent[roots], roots):
            roots = above
        self._parent[rows] = roots
        return roots

    def join(self, roots: Rows, others: Rows) -> None:
        """Join groups in pairs, each named by its root."""
        if not len(roots):
            return
        nodes, ends = np.unique(np.concatenate([roots, others]), return_inverse=True)
        edges = coo_array((np.ones(len(roots), dtype=np.int8), np.split(ends, 2)), shape=(len(nodes), len(nodes)))
        count, component = connected_components(edges, directed=False)
        first = np.empty(count, dtype=np.int64)
        first[component[::-1]] = nodes[::-1]
        self._parent[nodes] = first[component]


@dataclass(frozen=True)
class _Search:
    """Joins all near ones of N distinct hashes.

    Cut 64 bits into b bands: two hashes that differ in at most `near` bits agree in at least b - `near` of the bands.
    So it is enough to compare those that agree, for each choice of so many bands: https://doi.org/10.1109/TKDE.2012.82
    with more than one band at a time, so that buckets stay small however many hashes there are.
    """

    hashes: NDArray[np.uint64]
    near: int
    groups: _Groups

    def join(self, rows: Rows) -> None:
        """Join what is near among some rows."""
        bits = _varying_bits(self.hashes[rows])
        if len(bits) <= self.near:
            roots = self.groups.roots(rows)
            self.groups.join(roots[:-1], roots[1:])
            return
        comparison = _Comparison(self, rows)
        comparison.step()
        keys = _Keys.cheapest(bits, self.near, len(rows), comparison.pairs)
        for done, mask in enumerate(keys.masks()):
            if comparison.pairs <= keys.cost(len(rows), comparison.pairs) * (1 - done / keys.count):
                break
            self._join_buckets(rows, mask)
        else:
            return
        comparison.finish()

    def _join_buckets(self, rows: Rows, mask: np.uint64) -> None:
        """Join what is near among rows that agree in the bits of a mask."""
        masked = self.hashes[rows] & mask
        order = np.argsort(masked)
        rows, masked = rows[order], masked[order]
        starts = np.flatnonzero(np.concatenate([[True], masked[1:] != masked[:-1]]))
        sizes = np.diff(starts, append=len(rows))
        roots = self.groups.roots(rows)
        is_open = np.minimum.reduceat(roots, starts) != np.maximum.reduceat(roots, starts)
        self._join_small(rows, np.repeat(np.where(is_open & (sizes <= SMALL_BUCKET), starts + sizes, 0), sizes))
        for bucket in np.flatnonzero(is_open & (sizes > SMALL_BUCKET)):
            self.join(rows[starts[bucket] : starts[bucket] + sizes[bucket]])

    def _join_small(self, rows: Rows, ends: Rows) -> None:
        """Compare each row with those behind it, up to the end of its bucket."""
        hashes, first = self.hashes[rows], np.arange(len(rows))
        for step in range(1, SMALL_BUCKET):
            first = first[first + step < ends[first]]
            if not len(first):
                return
            close = first[np.bitwise_count(hashes[first] ^ hashes[first + step]) <= self.near]
            self.groups.join(self.groups.roots(rows[close]), self.groups.roots(rows[close + step]))


class _Comparison:
    """Compares rows with all others of some, PROBES at a time, but not with those of the largest group.

    Two rows of different groups are compared, because at least one of them is not of the largest.
    """

    def __init__(self, search: _Search, rows: Rows):
        self._search, self._rows = search, rows
        self._hashes, self._is_done = search.hashes[rows], np.zeros(len(rows), dtype=bool)

    @property
    def pairs(self) -> float:
        """How many pairs it takes to finish."""
        return float(np.count_nonzero(self._pending())) * len(self._rows)

    def finish(self) -> None:
        """Compare until all is joined that is near."""
        while self.step():
            pass

    def step(self) -> bool:
        """Compare some rows with all others; return whether there were any left."""
        pending = np.flatnonzero(self._pending())
        probes = pending[:: max(1, len(pending) // PROBES)][:PROBES]
        for probe in probes:
            close = np.bitwise_count(self._hashes ^ self._hashes[probe]) <= self._search.near
            roots = np.unique(self._search.groups.roots(self._rows[close]))
            self._search.groups.join(roots[:-1], roots[1:])
        self._is_done[probes] = True
        return bool(len(probes))

    def _pending(self) -> NDArray[np.bool_]:
        """Which rows have not been compared and are not of the largest group, (N,)."""
        roots = self._search.groups.roots(self._rows)
        _, group, sizes = np.unique(roots, return_inverse=True, return_counts=True)
        return ~self._is_done & (group != sizes.argmax())


@dataclass(frozen=True)
class _Keys:
    """Choices of bands of bits, in one of which near hashes agree."""

    bands: tuple[np.uint64, ...]
    """A mask for each band."""
    agreeing: int
    """Bands of a choice."""
    bits: float
    """Bits that a choice has on average."""

    @classmethod
    def cheapest(cls, bits: NDArray[np.uint64], near: int, hashes: int, pairs: float) -> "_Keys":
        """Return the keys that cost least for so many hashes that vary in these bits, so many pairs of which matter."""
        choices = [cls.cut(bits, count, count - near) for count in range(near + 1, min(len(bits), near + 5) + 1)]
        return min(choices, key=lambda keys: keys.cost(hashes, pairs))

    @classmethod
    def cut(cls, bits: NDArray[np.uint64], count: int, agreeing: int) -> "_Keys":
        """Return the choices of so many agreeing bands of so many."""
        bands = [np.bitwise_or.reduce(band) for band in np.array_split(bits, count)]
        return cls(tuple(bands), agreeing, agreeing * len(bits) / count)

    @property
    def count(self) -> int:
        """How many choices there are."""
        return comb(len(self.bands), self.agreeing)

    def cost(self, hashes: int, pairs: float) -> float:
        """Return what all choices cost, in comparisons of two hashes: large buckets have to be divided once more."""
        again = self.count if hashes / 2**self.bits > SMALL_BUCKET / 2 else 1
        return self.count * again * (SORT_COST * hashes + pairs / 2 ** (self.bits + 1))

    def masks(self) -> Iterator[np.uint64]:
        """Yield the bits of each choice."""
        for chosen in combinations(self.bands, self.agreeing):
            yield np.bitwise_or.reduce(np.array(chosen))


def _varying_bits(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The bits that are not the same in all hashes, each as a mask."""
    varying = int(np.bitwise_or.reduce(hashes ^ hashes[:1])) if len(hashes) else 0
    return np.array([1 << bit for bit in range(HASH_BITS) if varying >> bit & 1], dtype=np.uint64)
