"""Perceptual hashes: 64 bits that stay nearly the same when a picture is resized or saved again."""

import numpy as np
from numpy.typing import NDArray

HASH_SIDE = 32
"""Pixels of the sides of the grey picture that is hashed."""
FREQUENCIES = 8
"""The lowest frequencies of each direction, whose signs are the bits."""


def perceptual_hash(grey: NDArray[np.float32]) -> str:
    """Return the 64-bit DCT hash of a (32, 32) grey picture as 16 hex digits.

    The sign of the 8 x 8 lowest frequencies against their median; https://www.phash.org.
    """
    lowest = (_DCT @ grey @ _DCT.T).reshape(-1)
    middle = np.sort(lowest)[31:33]  # np.median takes ten times as long on so few numbers
    bits = lowest > (middle[0] + middle[1]) / 2
    return np.packbits(bits).tobytes().hex()


def distance(phash: str, other: str) -> int:
    """Return how many of 64 bits differ between two perceptual hashes."""
    return (int(phash, 16) ^ int(other, 16)).bit_count()


def _dct_matrix(frequencies: int, side: int) -> NDArray[np.float32]:
    """The discrete cosine transform of `side` values to their lowest frequencies, (frequencies, side)."""
    k, x = np.arange(frequencies)[:, None], np.arange(side)[None, :]
    return (np.cos(np.pi * k * (2 * x + 1) / (2 * side)) * np.sqrt(2 / side)).astype(np.float32)


_DCT = _dct_matrix(FREQUENCIES, HASH_SIDE)
