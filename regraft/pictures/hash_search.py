"""Finds the hashes that differ in a few bits, and joins them to groups.

Pairs are never listed, because a dense cluster has too many: what is joined already is not compared again.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from regraft.pictures.hash_bands import HASH_BITS, SMALL_BUCKET, Bands, Hashes, Keys, Rows

# N hashes; a hash is 64 bits as one uint64
PROBES = 64
"""Hashes that are compared with all others at a time: in a dense cluster they join nearly all."""
TILE = 2**17
"""Hashes that are compared at a time: they fit into the processor's cache, and are many enough for NumPy."""
CACHED = 2**16
"""Hashes that are sorted in one piece. More are cut into pieces first, which fit into the processor's cache: hashes are
put into another order some hundred times, and that is slow where they are spread over the memory."""
MANY_SHARE = 0.1
"""Of all hashes, that are joined to others before it pays to look for buckets in which all are joined."""


def group_numbers(hashes: Hashes, near: int, mirrored: np.uint64) -> Rows:
    """Return the number of the group, from 0, that each of N hashes is in, (N,); near hashes share a group.

    `mirrored`: the bits that mirroring a picture turns, so that hashes are also near once one has them turned; 0 where
    that does not count.
    """
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

    def in_buckets(self, bands: Bands) -> "tuple[_Part, Rows]":
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

    def pieces(self, band: Bands) -> "list[_Part]":
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

    def join(self, part: _Part) -> None:
        """Join those hashes that are near."""
        part, bits = part.without_constant_bits()
        if bits <= self.near:
            self.groups.join(part.rows[:-1], part.rows[1:])
            return
        comparison = _Comparison(self, part)
        comparison.step()
        keys = Keys.cheapest(bits, bool(part.mirrored), self.near, len(part), comparison.pairs)
        pieces = lru_cache(1)(part.pieces)  # the choices with the same first band come one after the other
        for done, bands in enumerate(keys.choices()):
            is_power_of_two = done & (done - 1) == 0  # it takes some time to count the pairs
            if is_power_of_two and comparison.pairs <= keys.cost(len(part), comparison.pairs) * (1 - done / keys.count):
                comparison.finish()
                return
            for piece in pieces(bands.first):
                self._join_by(bands, piece)

    def _join_by(self, bands: Bands, part: _Part) -> None:
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

    def _join_small(self, part: _Part, starts: Rows, sizes: Rows) -> None:
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

    def __init__(self, search: _Search, part: _Part):
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
