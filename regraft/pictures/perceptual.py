"""Perceptual hashes: 64 bits that stay nearly the same when a picture is resized or saved again."""

import numpy as np
from numpy.typing import NDArray

HASH_SIDE = 32
"""Pixels of the sides of the grey picture that is hashed."""
FREQUENCIES = 8
"""The lowest frequencies of each direction, whose signs are the bits."""

MIRRORED = 0x5555555555555555
"""The bits that differ between the hash of a picture and that of the same picture mirrored, left to right: those of the
frequencies that are odd across."""


def perceptual_hash(grey: NDArray[np.float32]) -> str:
    """Return the 64-bit DCT hash of a (32, 32) grey picture as 16 hex digits.

    The signs of the 8 x 8 lowest frequencies, down times across; after https://www.phash.org, which compares them with
    their median instead. So the hash of the mirrored picture is known without it: see MIRRORED. The first bit, of the
    mean brightness, is always 0. It was always 1 in hashes that were made before, with the median and of smaller
    pictures: see `is_outdated`.
    """
    bits = _DCT @ grey @ _DCT.T > 0
    bits[0, 0] = False
    return np.packbits(bits).tobytes().hex()


def is_outdated(phash: str) -> bool:
    """Return whether a hash, "" for none, was made in a way that is no longer used."""
    return phash[:1] > "7"


def distance(phash: str, other: str) -> int:
    """Return how many of 64 bits differ between two perceptual hashes."""
    return (int(phash, 16) ^ int(other, 16)).bit_count()


def _dct_matrix(frequencies: int, side: int) -> NDArray[np.float32]:
    """The discrete cosine transform of `side` values to their lowest frequencies, (frequencies, side)."""
    k, x = np.arange(frequencies)[:, None], np.arange(side)[None, :]
    return (np.cos(np.pi * k * (2 * x + 1) / (2 * side)) * np.sqrt(2 / side)).astype(np.float32)


_DCT = _dct_matrix(FREQUENCIES, HASH_SIDE)
