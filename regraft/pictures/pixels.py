"""Pixels as arrays, and how they are turned upright."""

import functools

import numpy as np
from numpy.typing import NDArray

# H, W: height and width of a picture in pixels; C: its colours
Pixels = NDArray[np.uint8]
"""(H, W, 3) RGB, or (H, W) grey; (N, H, W, 3) of several pictures."""
FIRST_TURNED_ORIENTATION = 5
"""EXIF orientations from this on, up to 8, swap height and width."""


def any_colour(matches: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return for which pixels, (H, W), any colour of (H, W, C) matches; NumPy's `any` takes ten times as long."""
    return functools.reduce(np.logical_or, np.moveaxis(matches, 2, 0))


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """Return (H, W) or (H, W, C) pixels with an EXIF orientation undone.

    https://www.cipa.jp/std/documents/e/DC-008-2012_E.pdf, tag 0x0112
    """
    if orientation >= FIRST_TURNED_ORIENTATION:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
