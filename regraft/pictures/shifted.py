"""JPEGs of which some bytes in the middle are lost or bent, and which a decoder takes for whole.

A JPEG codes each block's brightness as the difference to the one before. After a loss a decoder soon falls into step
again, but from there on all blocks, row after row to the end, are too bright or too dark by the same amount. So there
is a stair: from some place on all pixels differ from those above them, and in the next row all before that place do.
https://www.w3.org/Graphics/JPEG/itu-t81.pdf, section F.1.1.5
"""

import numpy as np
from numpy.typing import NDArray

from regraft.pictures.pixels import Pixels

# N: values; U: rows of units but the first; V: units in a row
Values = NDArray[np.float64]
Places = NDArray[np.intp]
MIN_JUMP = 4
"""Grey values of 255 by which a half row must jump to be looked at."""
MIN_SHARE = 0.7
"""Of the squares of a half row's jumps, what their mean must account for."""
EVERY_COLUMN = 4
"""Of the columns of pixels that are looked at first, one in so many is."""
MIN_UNITS = 12
"""In a row, from which on their jumps can be told from chance."""
LOST_UNITS = 3
"""Units at the beginning of a stair in which the decoder is out of step."""
MIN_HEIGHT = 3
"""Grey values of 255 that a stair is high."""
MIN_DEVIATIONS, MIN_ERRORS = 2, 8
"""Standard deviations of its jumps that a stair is high, and standard errors of their mean."""
MIN_VARIANCE = 1
"""Of a stair's jumps: those of a drawing in plain colours, which may have stairs, hardly vary."""
MIN_PART, MAX_BESIDE = 0.5, 0.35
"""Of a stair's height, how much its part in each of the two rows must jump, and the rest of them may."""
MIN_STEP = 0.1
"""Of a row, what is on either side of the step: horizons have a bush at one end."""


def is_shifted(grey: Pixels, across: int, down: int) -> bool:
    """Return whether a JPEG's grey pixels, (H, W), are shifted from some unit on, units being (down, across) pixels."""
    return _may_be_shifted(grey, down) and _has_stair(_unit_jumps(grey, across, down))


def _may_be_shifted(grey: Pixels, down: int) -> bool:
    """Whether half of a row of units jumps as a whole: of each stair one half of one row does."""
    half = grey.shape[1] // (2 * EVERY_COLUMN)
    columns = slice(0, 2 * half * EVERY_COLUMN, EVERY_COLUMN)
    jumps = np.subtract(grey[down::down, columns], grey[down - 1 : -1 : down, columns], dtype=np.float32)
    jumps = jumps.reshape(-1, half)
    sums, squares = np.add.reduce(jumps, axis=1), np.vecdot(jumps, jumps)
    excess = sums * sums - squares * (MIN_SHARE * half)
    return bool(excess[excess.argmax()] > MIN_JUMP**2 * (1 - MIN_SHARE) * half**2)


def _unit_jumps(grey: Pixels, across: int, down: int) -> Values:
    """How much brighter units begin than those above them end, (U, V), beyond what the pixels around there do."""
    below = np.arange(down, len(grey) - 1, down)
    lines = [grey[below + offset].astype(np.int32) for offset in (-2, -1, 0, 1)]
    jumps = (3 * (lines[2] - lines[1]) - (lines[3] - lines[0])) / 2
    starts = np.arange(0, grey.shape[1], across)
    return np.add.reduceat(jumps, starts, axis=1) / np.diff(starts, append=grey.shape[1])


def _has_stair(jumps: Values) -> bool:
    """Whether from some unit on, for the length of a row, all jumps, (U, V), are alike, and there are none beside."""
    values, length = jumps.ravel(), jumps.shape[1]
    if length < MIN_UNITS or jumps.shape[0] < 2:
        return False
    start = np.arange(len(values) - length + 1)  # of a stair: two rows' parts, whose ends are:
    step, row = start % length, start - start % length
    known, middle, end = start + LOST_UNITS, row + length, start + length
    behind_end = np.minimum(middle + length, len(values))

    height, variance = _means(values, known, end), _means(values**2, known, end) - _means(values, known, end) ** 2
    parts = np.stack([_means(values, known, middle), _means(values, middle, end)]) * np.sign(height)
    beside = np.stack([_means(values, row, start), _means(values, end, behind_end)])
    deviations = max(MIN_DEVIATIONS, MIN_ERRORS / (length - LOST_UNITS) ** 0.5)
    margin = MIN_STEP * length
    is_stair = (
        (height**2 > deviations**2 * variance)
        & (np.abs(height) > MIN_HEIGHT)
        & (variance > MIN_VARIANCE)
        & (parts > MIN_PART * np.abs(height)).all(axis=0)
        & (np.abs(beside) < MAX_BESIDE * np.abs(height)).all(axis=0)
        & (step >= margin)
        & (step <= length - LOST_UNITS - margin)
    )
    return bool(is_stair.any())


def _means(values: Values, starts: Places, ends: Places) -> Values:
    """The means of values, (N,), from some places to others; 0 where the end is not behind the start."""
    sums = np.concatenate([[0.0], values.cumsum()])
    return np.where(ends > starts, (sums[ends] - sums[starts]) / np.maximum(1, ends - starts), 0.0)
