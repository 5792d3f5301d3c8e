"""Which pictures are near-duplicates: those whose perceptual hashes differ in a few bits, joined through chains.

Pairs are never listed, because a dense cluster has too many: what is joined already is not compared again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, pairwise
from math import comb
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.pictures.perceptual import MIRRORED

# N hashes; a hash is 64 bits as one uint64
HASH_BITS = 64
PROBES = 64
"""Hashes that are compared with all others at a time: in a dense cluster they join nearly all."""
SMALL_BUCKET = 512
"""Hashes that are compared each with each where they agree in some bits. Larger buckets are divided once more."""
TILE = 2**17
"""Hashes that are compared at a time: they fit into the processor's cache, and are many enough for NumPy."""
CACHED = 2**16
"""Hashes that are sorted in one piece. More are cut into pieces first, which fit into the processor's cache: hashes are
put into another order some hundred times, and that is slow where they are spread over the memory."""
SORT_COST = 64
"""What it costs to put one hash into its bucket, in comparisons of two hashes."""
MANY_SHARE = 0.1
"""Of all hashes, that are joined to others before it pays to look for buckets in which all are joined."""
MANY_PICTURES = 512
"""Pictures from which on it pays to group hashes before they are compared with these pictures."""
Hashes = NDArray[np.uint64]
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


def hash_bits(phashes: "pd.Series[str]") -> Hashes:
    """Return N perceptual hashes as numbers, (N,) uint64; none, "", is 0."""
    digits = "".join(phashes.mask(phashes == "", "0" * (HASH_BITS // 4)))
    return np.frombuffer(bytes.fromhex(digits), dtype=">u8").astype(np.uint64)


def picture_distances(hashes: Hashes, picture: np.uint64) -> NDArray[np.uint8]:
    """Return in how many bits each of N hashes differs from a picture's, or from that of the same picture mirrored."""
    differing = hashes ^ picture
    return np.minimum(np.bitwise_count(differing), np.bitwise_count(differing ^ np.uint64(MIRRORED)))


def nearest_distances(hashes: Hashes, pictures: Hashes, near: int) -> NDArray[np.uint8]:
    """Return in how many bits each of N hashes differs from the nearest of some pictures', mirrored or not: (N,).

    HASH_BITS where none is within `near` bits. Each of many pictures is compared only with the hashes of its group.
    """
    result = np.full(len(hashes), HASH_BITS, dtype=np.uint8)
    if len(pictures) <= MANY_PICTURES:
        parts = [(np.arange(len(hashes)), pictures)]
    else:
        group = groups_of_pictures(np.concatenate([hashes, pictures]), near)
        parts = [(rows, pictures[others]) for rows, others in _rows_of_both(group[: len(hashes)], group[len(hashes) :])]
    for rows, others in parts:
        for picture in others:
            result[rows] = np.minimum(result[rows], picture_distances(hashes[rows], picture))
    result[result > near] = HASH_BITS
    return result


def _rows_of_both(group: Rows, other: Rows) -> Iterator[tuple[Rows, Rows]]:
    """Yield, of each group that is among both, where it is among the one and where among the other."""
    orders = [np.argsort(numbers, kind="stable") for numbers in (group, other)]
    shared = np.intersect1d(group, other)
    starts, other_starts = (
        np.searchsorted(numbers[order], [shared, shared + 1]).T.tolist()
        for numbers, order in zip((group, other), orders, strict=True)
    )
    for place, other_place in zip(starts, other_starts, strict=True):
        yield orders[0][slice(*place)], orders[1][slice(*other_place)]


def groups_of_pictures(hashes: Hashes, near: int) -> Rows:
    """Return the number of the group, from 0, that each of N pictures is in, (N,), by their hashes.

    Near pictures share a group, and so do pictures that are near once one of them is mirrored.
    """
    return _groups(hashes, near, np.uint64(MIRRORED))


def near_groups(hashes: Hashes, near: int) -> Rows:
    """Return the number of the group, from 0, that each of N hashes is in, (N,); near hashes share a group."""
    return _groups(hashes, near, np.uint64(0))


def _groups(hashes: Hashes, near: int, mirrored: np.uint64) -> Rows:
    distinct, inverse = np.unique(hashes, return_inverse=True)
    rows, groups = np.arange(len(distinct)), _Groups(len(distinct))
    _Search(near, groups).join(_Part(rows, distinct, mirrored))
    return np.unique(groups.roots(rows), return_inverse=True)[1][inverse]


class _Groups:
    """Which of N hashes are joined: a forest, https://en.wikipedia.org/wiki/Disjoint-set_data_structure."""

    def __init__(self, count: int):
        self._parent = np.arange(count)
        self._joined = 0

    @property
    def are_many_joined(self) -> bool:
        """Whether so many are joined that it saves time to look whether some are."""
        return self._joined > MANY_SHARE * len(self._parent)

    def roots(self, rows: Rows) -> Rows:
        """Return for each row the one that stands for its group."""
        roots = self._parent[rows]
        while not np.array_equal(above := self._parent[roots], roots):
            self._parent[rows] = roots = above
        return roots

    def join(self, rows: Rows, others: Rows) -> None:
        """Join the groups of rows in pairs.

        The root with the higher number goes below the lowest that it is paired with, until all pairs share one. That
        takes few rounds, whatever the pairs: https://arxiv.org/abs/1812.06177
        """
        while True:
            roots, other_roots = self.roots(rows), self.roots(others)
            is_new = roots != other_roots
            if not is_new.any():
                return
            rows, others = np.maximum(roots, other_roots)[is_new], np.minimum(roots, other_roots)[is_new]
            np.minimum.at(self._parent, rows, others)
            self._joined += len(np.unique(rows))


@dataclass(frozen=True)
class _Part:
    """Some of the hashes."""

    rows: Rows
    """(N,) where they are among all."""
    hashes: Hashes
    """(N,) distinct."""
    mirrored: np.uint64
    """The bits that mirroring still turns: two hashes are also near if they are so once one has these turned."""

    def __len__(self) -> int:
        return len(self.rows)

    def slice(self, start: int, end: int) -> "_Part":
        """Return those from one place to another."""
        return _Part(self.rows[start:end], self.hashes[start:end], self.mirrored)

    def without_constant_bits(self) -> "tuple[_Part, int]":
        """Return it without the bits that are the same in all hashes, and how many bits are left.

        Bits that mirroring turns stay.
        """
        varying = int(np.bitwise_or.reduce(self.hashes ^ self.hashes[:1]) | self.mirrored) if len(self) else 0
        bits = [bit for bit in range(HASH_BITS) if varying >> bit & 1]
        if len(bits) == HASH_BITS:
            return self, HASH_BITS
        squeezed, turning = np.zeros_like(self.hashes), 0
        for place, bit in enumerate(bits):
            squeezed |= ((self.hashes >> np.uint64(bit)) & np.uint64(1)) << np.uint64(place)
            turning |= (int(self.mirrored) >> bit & 1) << place
        return _Part(self.rows, squeezed, np.uint64(turning)), len(bits)

    def in_buckets(self, bands: "_Bands") -> "tuple[_Part, Rows]":
        """Return it with those side by side that agree in some bands, also mirrored; and where each bucket starts."""
        hashes, mirrored = self.hashes, self.mirrored
        if turning := bands.mask & mirrored:
            # Of two pictures that agree in these bands once one is mirrored, the same is turned by the first such bit.
            first = turning & (~turning + np.uint64(1))
            hashes = np.where(hashes & first, hashes ^ mirrored, hashes)
            mirrored = np.uint64(0)
        key = bands.key(hashes)
        order = np.argsort(key, kind="stable")
        key = key[order]
        starts = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
        return _Part(self.rows[order], hashes[order], mirrored), starts

    def pieces(self, band: "_Bands") -> "list[_Part]":
        """Return it cut into pieces that fit into the cache; those that agree in a band, also mirrored, stay together.

        A piece has as many of them as fit: many small buckets are compared faster together than each alone.
        """
        if len(self) <= CACHED:
            return [self]
        part, starts = self.in_buckets(band)
        edges = np.append(starts, len(self))
        cuts = edges[np.searchsorted(edges, np.arange(0, len(self), CACHED))]
        return [part.slice(start, end) for start, end in pairwise(np.unique([*cuts, len(self)]).tolist())]


@dataclass(frozen=True)
class _Search:
    """Joins what is near.

    Cut 64 bits into b bands: two hashes that differ in at most `near` bits agree in at least b - `near` of the bands.
    So it is enough to compare those that agree, for each choice of so many bands: https://doi.org/10.1109/TKDE.2012.82
    with more than one band at a time, so that buckets stay small however many hashes there are.
    """

    near: int
    groups: _Groups

    def join(self, part: "_Part") -> None:
        """Join those hashes that are near."""
        part, bits = part.without_constant_bits()
        if bits <= self.near:
            self.groups.join(part.rows[:-1], part.rows[1:])
            return
        comparison = _Comparison(self, part)
        comparison.step()
        keys = _Keys.cheapest(bits, bool(part.mirrored), self.near, len(part), comparison.pairs)
        pieces = lru_cache(1)(part.pieces)  # the choices with the same first band come one after the other
        for done, bands in enumerate(keys.choices()):
            is_power_of_two = done & (done - 1) == 0  # it takes some time to count the pairs
            if is_power_of_two and comparison.pairs <= keys.cost(len(part), comparison.pairs) * (1 - done / keys.count):
                comparison.finish()
                return
            for piece in pieces(bands.first):
                self._join_by(bands, piece)

    def _join_by(self, bands: "_Bands", part: "_Part") -> None:
        """Join what is near among hashes that agree in some bands."""
        part, starts = part.in_buckets(bands)
        sizes = np.diff(starts, append=len(part))
        is_open = sizes > 1
        if self.groups.are_many_joined:
            roots = self.groups.roots(part.rows)
            is_open = np.minimum.reduceat(roots, starts) != np.maximum.reduceat(roots, starts)
        is_small = sizes <= SMALL_BUCKET
        self._join_small(part, starts[is_open & is_small], sizes[is_open & is_small])
        for start, size in zip(starts[is_open & ~is_small], sizes[is_open & ~is_small], strict=True):
            self.join(part.slice(start, start + size))

    def _join_small(self, part: "_Part", starts: Rows, sizes: Rows) -> None:
        """Compare all pairs within buckets, many buckets at a time: they stand side by side, the largest first."""
        order = np.argsort(-sizes, kind="stable")
        starts, sizes = starts[order], sizes[order]
        done = 0
        while done < len(sizes):
            tile = slice(done, done + max(1, TILE // int(sizes[done])))
            places = starts[tile] + np.minimum(np.arange(sizes[done])[:, None], sizes[tile] - 1)
            for turned in {np.uint64(0), part.mirrored}:
                self._join_tile(part.rows[places], part.hashes[places], turned, sizes[tile])
            done = tile.stop

    def _join_tile(self, rows: Rows, hashes: Hashes, turned: np.uint64, sizes: Rows) -> None:
        """Compare all pairs within each column, whose first so many rows count; the longest columns come first."""
        near_rows, near_others, pairs = [], [], 0
        for last in range(1, len(hashes)):
            wide = int(np.searchsorted(-sizes, -last))
            other = hashes[last, :wide] ^ turned
            differing = hashes[:last, :wide] ^ other
            near = np.flatnonzero(np.bitwise_count(differing) <= self.near)  # five times as fast as in two dimensions
            if len(near):
                row, column = np.divmod(near, wide)
                near_rows.append(rows[row, column])
                near_others.append(rows[last, column])
                pairs += len(near)
            if pairs > TILE or (pairs and last == len(hashes) - 1):
                self.groups.join(np.concatenate(near_rows), np.concatenate(near_others))
                near_rows, near_others, pairs = [], [], 0


class _Comparison:
    """Compares rows with all others of some, PROBES at a time, but not with those of the largest group.

    Two rows of different groups are compared, because at least one of them is not of the largest.
    """

    def __init__(self, search: _Search, part: "_Part"):
        self._search, self._rows, self._hashes = search, part.rows, part.hashes
        self._turned = {np.uint64(0), part.mirrored}
        self._is_done = np.zeros(len(part), dtype=bool)

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
            for turned in self._turned:
                differing = self._hashes ^ (self._hashes[probe] ^ turned)
                close = self._rows[np.bitwise_count(differing) <= self._search.near]
                self._search.groups.join(close, np.full(len(close), self._rows[probe]))
        self._is_done[probes] = True
        return bool(len(probes))

    def _pending(self) -> NDArray[np.bool_]:
        """Which rows have not been compared and are not of the largest group, (N,)."""
        roots = self._search.groups.roots(self._rows)
        _, group, sizes = np.unique(roots, return_inverse=True, return_counts=True)
        return ~self._is_done & (group != sizes.argmax())


@dataclass(frozen=True)
class _Bands:
    """Some bands of bits: their masks, disjoint, each of adjacent bits, the lowest first."""

    masks: tuple[int, ...]

    @property
    def first(self) -> "_Bands":
        """The lowest one alone."""
        return _Bands(self.masks[:1])

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
class _Keys:
    """Choices of `agreeing` bands of bits, in one of which near hashes agree."""

    bands: tuple[int, ...]
    """A mask for each band."""
    agreeing: int
    bits: float
    """Bits in which those that are compared agree, on average."""

    @classmethod
    def cheapest(cls, bits: int, is_mirrored: bool, near: int, hashes: int, pairs: float) -> "_Keys":
        """Return the keys that cost least for hashes that vary in so many bits, so many pairs of which matter."""
        counts = range(near + 1, min(bits, near + 5) + 1)
        choices = [cls.cut(bits, is_mirrored, count, count - near) for count in counts]
        return min(choices, key=lambda keys: keys.cost(hashes, pairs))

    @classmethod
    def cut(cls, bits: int, is_mirrored: bool, count: int, agreeing: int) -> "_Keys":
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

    def choices(self) -> Iterator[_Bands]:
        """Yield each choice."""
        yield from map(_Bands, combinations(self.bands, self.agreeing))
