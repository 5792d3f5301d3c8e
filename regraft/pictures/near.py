"""Which pictures are near-duplicates: those whose perceptual hashes differ in a few bits, joined through chains."""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# N hashes; a hash is 64 bits as one uint64


def clusters(phashes: "pd.Series[str]", digests: "pd.Series[str]", near: int) -> "pd.Series[str]":
    """Return for each picture the smallest digest among its near-duplicates, joined through chains of them.

    Two pictures are near if at most `near` of the 64 bits of their perceptual hashes differ.
    """
    group = near_groups(hash_bits(phashes), near)
    order = np.argsort(np.asarray(digests, dtype="S64"), kind="stable")
    _, firsts = np.unique(group[order], return_index=True)
    return digests.iloc[order[firsts][group]].reset_index(drop=True)


def hash_bits(phashes: Iterable[str]) -> NDArray[np.uint64]:
    """Return N perceptual hashes as numbers, (N,) uint64; none, "", is 0."""
    return np.fromiter((int(phash or "0", 16) for phash in phashes), np.uint64)


def near_groups(hashes: NDArray[np.uint64], near: int) -> NDArray[np.int64]:
    """Return the number of the group, from 0, that each of N hashes is in, (N,); near hashes share a group."""
    distinct, inverse = np.unique(hashes, return_inverse=True)
    parent = np.arange(len(distinct))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = int(parent[i])
        return i

    for a, b in near_pairs(distinct, near):
        first, second = sorted((root(a), root(b)))
        parent[second] = first
    roots = np.array([root(i) for i in range(len(distinct))], dtype=np.int64)
    return np.unique(roots, return_inverse=True)[1][inverse] if len(distinct) else roots


def near_pairs(hashes: NDArray[np.uint64], near: int) -> list[tuple[int, int]]:
    """Return the pairs (i, j), i < j, of hashes at a Hamming distance of at most `near`, sorted.

    Two such hashes agree on at least one of `near + 1` bands of their bits, so hashes are sorted by each band and
    compared with those that follow while the band is the same: https://doi.org/10.1109/TKDE.2012.82.
    """
    edges = np.linspace(0, 64, near + 2).astype(int)
    pairs: set[tuple[int, int]] = set()
    for low, high in pairwise(edges):
        pairs |= _pairs_by_band(hashes, near, int(low), int(high))
    return sorted(pairs)


def _pairs_by_band(hashes: NDArray[np.uint64], near: int, low: int, high: int) -> set[tuple[int, int]]:
    """The near pairs that agree on the bits from `low` to before `high`."""
    band = (hashes >> np.uint64(low)) & np.uint64((1 << (high - low)) - 1)
    order = np.argsort(band, kind="stable")
    band, ranked = band[order], hashes[order]
    pairs: set[tuple[int, int]] = set()
    for step in range(1, len(hashes)):
        same = band[step:] == band[:-step]
        if not same.any():
            break
        close = np.flatnonzero(same & (np.bitwise_count(ranked[step:] ^ ranked[:-step]) <= near))
        candidates = zip(order[close].tolist(), order[close + step].tolist(), strict=True)
        pairs |= {(min(a, b), max(a, b)) for a, b in candidates}
    return pairs
