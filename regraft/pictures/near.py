"""Perceptual hashes: how far two are apart, and which pictures are near-duplicates."""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def distance(phash: str, other: str) -> int:
    """Return how many of 64 bits differ between two perceptual hashes."""
    return (int(phash, 16) ^ int(other, 16)).bit_count()


def clusters(phashes: "pd.Series[str]", digests: "pd.Series[str]", near: int) -> "pd.Series[str]":
    """Return for each picture the smallest digest among its near-duplicates, joined through chains of them.

    Near are hashes of which at most `near` of 64 bits differ.
    """
    group = _groups(_bits(phashes), near)
    order = np.argsort(np.asarray(digests, dtype="S64"), kind="stable")
    _, firsts = np.unique(group[order], return_index=True)
    return digests.iloc[order[firsts][group]].reset_index(drop=True)


def _bits(phashes: Iterable[str]) -> NDArray[np.uint64]:
    return np.fromiter((int(phash or "0", 16) for phash in phashes), np.uint64)


def _groups(phashes: NDArray[np.uint64], near: int) -> NDArray[np.int64]:
    """The number of the group, from 0, that each of N hashes is in, joined through chains of near ones."""
    bits, which = np.unique(phashes, return_inverse=True)
    leader = np.arange(len(bits))

    def root(i: int) -> int:
        while leader[i] != i:
            leader[i] = leader[leader[i]]
            i = int(leader[i])
        return i

    for a, b in near_pairs(bits, near):
        first, second = sorted((root(a), root(b)))
        leader[second] = first
    roots = np.array([root(i) for i in range(len(bits))], dtype=np.int64)
    return np.unique(roots, return_inverse=True)[1][which] if len(bits) else roots


def near_pairs(bits: NDArray[np.uint64], near: int) -> list[tuple[int, int]]:
    """Return the pairs of 64-bit hashes at a Hamming distance of at most `near`.

    Two such hashes agree on at least one of `near + 1` bands of their bits, so hashes are sorted by each band and
    compared with those that follow while the band is the same: https://doi.org/10.1109/TKDE.2012.82.
    """
    edges = np.linspace(0, 64, near + 2).astype(int)
    pairs: set[tuple[int, int]] = set()
    for low, high in pairwise(edges):
        band = (bits >> np.uint64(low)) & np.uint64((1 << int(high - low)) - 1)
        order = np.argsort(band, kind="stable")
        band, ranked = band[order], bits[order]
        for step in range(1, len(bits)):
            same = band[step:] == band[:-step]
            if not same.any():
                break
            close = np.flatnonzero(same & (np.bitwise_count(ranked[step:] ^ ranked[:-step]) <= near))
            pairs |= {
                (min(a, b), max(a, b)) for a, b in zip(order[close].tolist(), order[close + step].tolist(), strict=True)
            }
    return sorted(pairs)
