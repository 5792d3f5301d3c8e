"""Which pictures are near-duplicates: those whose perceptual hashes differ in a few bits, joined through chains."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.pictures.hash_bands import HASH_BITS, Hashes, Rows
from regraft.pictures.hash_search import group_numbers
from regraft.pictures.perceptual import MIRRORED

# N hashes; a hash is 64 bits as one uint64
MANY_PICTURES = 512
"""Pictures from which on it pays to group hashes before they are compared with these pictures."""


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
    digits = "".join(phashes.mask(phashes == "", "0" * (HASH_BITS // 4)).tolist())
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
    return group_numbers(hashes, near, np.uint64(MIRRORED))


def near_groups(hashes: Hashes, near: int) -> Rows:
    """Return the number of the group, from 0, that each of N hashes is in, (N,); near hashes share a group."""
    return group_numbers(hashes, near, np.uint64(0))
