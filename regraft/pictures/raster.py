"""BMPs and TIFFs of which bytes are missing: they are not compressed, so whatever fills the gap is merely pixels.

A picture may have a black band as well, or a band of noise, but that begins with a row. What is missing begins within
one: to its left and above there is a picture, and after it the same row again and again, or what is much rougher.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from regraft.pictures.tiff import STRIP_OFFSETS, TILE_LENGTH, TILE_OFFSETS, TILE_WIDTH

MIN_REPEATED_SHARE, MIN_ROUGH_SHARE = 0.01, 0.03
"""Of all rows, that must be missing: less is no loss, and a few rough rows are some grass."""
MIN_PICTURE_SHARE = 0.9
"""Of the pixels to the left of where it ends, and of those above what is missing, that are not as what fills it."""
MIN_ROUGHNESS = 20
"""How much pixels that are none differ from those above them, of 255, on average."""
MIN_ROUGHER = 2.5
"""How many times as much as those of the picture before."""
ROUGH_COLUMNS = 256
"""Of the columns, that are looked at for that."""
MIN_ABOVE = 8
"""Pixels above what is missing of a row that say something."""
TIFF_HEADER_BYTES = 8
Planes = NDArray[np.generic]


def breaks_off(image: Image.Image) -> bool:
    """Return whether one of a loaded image's colours ends within a row, and something else fills the rest.

    That is one row again and again, as where all bytes are 0, or to the end bytes that are no pixels.
    """
    pixels = np.asarray(image)
    planes = np.atleast_3d(_tile_rows(pixels, image)).transpose(2, 0, 1)
    in_both_directions = [plane[::step] for plane in planes for step in (1, -1)]
    return any(map(_goes_on_as_one_row, in_both_directions)) or any(map(_goes_on_rough, in_both_directions[:2]))


def lacks_parts(image: Image.Image, file_bytes: int) -> bool:
    """Return whether an opened TIFF has strips or tiles that lie nowhere in its file."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return False
    offsets = image.tag_v2.get(STRIP_OFFSETS) or image.tag_v2.get(TILE_OFFSETS) or ()
    return any(not TIFF_HEADER_BYTES <= offset < file_bytes for offset in offsets)


def _goes_on_as_one_row(rows: Planes) -> bool:
    """Whether the pixels of one colour, (H, W) in the order of the file, end within a row, before one that repeats."""
    is_repeated = np.concatenate([[False], (rows[1:] == rows[:-1]).all(axis=1), [False]])
    starts, ends = np.flatnonzero(np.diff(is_repeated.astype(np.int8))).reshape(-1, 2).T
    is_band = (starts >= 2) & (ends - starts >= MIN_REPEATED_SHARE * len(rows))
    return any(
        _ends_within(rows[start - 2] != rows[start], rows[start - 1] != rows[start]) for start in starts[is_band]
    )


def _goes_on_rough(rows: Planes) -> bool:
    """Whether the pixels of one colour, (H, W) in the order of the file, end within a row, and bytes follow instead.

    These differ from row to row as much as any bytes do, to the end of the file.
    """
    if rows.dtype != np.uint8 or min(rows.shape) < 4 * MIN_ABOVE:
        return False
    columns = rows[:, :: -(-rows.shape[1] // ROUGH_COLUMNS)].astype(np.int16)
    steps = np.abs(np.diff(columns, axis=0))
    roughness = steps.mean(axis=1)
    least_after = np.minimum.accumulate(roughness[::-1])[::-1]
    mean_before = np.cumsum(roughness) / np.arange(1, len(roughness) + 1)
    last = len(roughness) - max(MIN_ABOVE, int(MIN_ROUGH_SHARE * len(roughness)))
    is_rough = least_after[2:last] >= np.maximum(MIN_ROUGHNESS, MIN_ROUGHER * mean_before[: last - 2])
    if not is_rough.any():
        return False
    first = 2 + int(is_rough.argmax())
    return any(_is_rough_from_within(steps[row], mean_before[first - 2]) for row in (first - 1, first))


def _is_rough_from_within(steps: NDArray[np.int16], usual: float) -> bool:
    """Whether a row's differences to the row above, (W,), are as usual up to some column, and from there on larger."""
    sums = np.concatenate([[0], np.cumsum(steps)])
    column = np.arange(MIN_ABOVE, len(steps) - MIN_ABOVE)
    left, right = sums[column] / column, (sums[-1] - sums[column]) / (len(steps) - column)
    return bool(((right >= MIN_ROUGHER * left) & (right >= MIN_ROUGHNESS) & (left <= 2 * usual + 2)).any())


def _ends_within(above: NDArray[np.bool_], row: NDArray[np.bool_]) -> bool:
    """Whether a row of pixels ends before its end, though it is a picture to the left of that, as is the row above.

    Both, (W,), say which pixels are not as what follows.
    """
    end = len(row) - int(row[::-1].argmax())
    missing = above[end:]
    return len(missing) >= MIN_ABOVE and min(missing.mean(), row[:end].mean()) >= MIN_PICTURE_SHARE


def _tile_rows(pixels: Planes, image: Image.Image) -> Planes:
    """The rows of a picture in the order of its file: of a TIFF in tiles those of each tile, one tile after another."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile) or TILE_OFFSETS not in image.tag_v2:
        return pixels
    width, height = image.tag_v2[TILE_WIDTH], image.tag_v2[TILE_LENGTH]
    return np.concatenate(list(_tiles(pixels, width, height))) if width <= pixels.shape[1] else pixels


def _tiles(pixels: Planes, width: int, height: int) -> Iterator[Planes]:
    """The tiles of a picture that are whole; those at its right and its lower edge are padded in the file."""
    for top in range(0, pixels.shape[0], height):
        for start in range(0, pixels.shape[1] - width + 1, width):
            yield pixels[top : top + height, start : start + width]
