"""BMPs and TIFFs of which bytes are missing: they are not compressed, so zeros instead are merely black pixels.

A picture may have a black band as well, or a white one, but that begins with a row. What is missing begins within one:
to its left and above there is a picture, and after it there is nothing.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from regraft.pictures.tiff import STRIP_OFFSETS, TILE_OFFSETS

MIN_BLACK_SHARE = 0.01
"""Of all rows, that must be missing: less is no loss."""
MIN_PICTURE_SHARE = 0.9
"""Of the pixels to the left of where it ends, and of those above what is missing, that are not black."""
MIN_ABOVE = 8
"""Pixels above what is missing of a row that say something."""
TILE_WIDTH, TILE_LENGTH = 322, 323
"""Tags of TIFF 6.0, https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf, pages 39 and 67."""
TIFF_HEADER_BYTES = 8
Planes = NDArray[np.generic]


def breaks_off(image: Image.Image) -> bool:
    """Return whether one of a loaded image's colours ends within a row, and has one value from there on for a while.

    That value is 0, or whatever its last pixel has.
    """
    pixels = np.asarray(image)
    planes = np.atleast_3d(_tile_rows(pixels, image)).transpose(2, 0, 1)
    rows_of_planes = [plane[::step] for plane in planes for step in (1, -1)]
    return any(_plane_breaks_off(rows != fill) for rows in rows_of_planes for fill in {0, rows[-1, -1].item()})


def lacks_parts(image: Image.Image, file_bytes: int) -> bool:
    """Return whether an opened TIFF has strips or tiles that lie nowhere in its file."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return False
    offsets = image.tag_v2.get(STRIP_OFFSETS) or image.tag_v2.get(TILE_OFFSETS) or ()
    return any(not TIFF_HEADER_BYTES <= offset < file_bytes for offset in offsets)


def _plane_breaks_off(is_seen: NDArray[np.bool_]) -> bool:
    """Whether the pixels of one colour, (H, W) in the order of the file, end within a row; those seen are not 0."""
    is_black = np.concatenate([[False], ~is_seen.any(axis=1), [False]])
    starts, ends = np.flatnonzero(np.diff(is_black.astype(np.int8))).reshape(-1, 2).T
    is_band = (starts >= 2) & (ends - starts >= MIN_BLACK_SHARE * len(is_seen))
    return any(_ends_within(is_seen[start - 2], is_seen[start - 1]) for start in starts[is_band])


def _ends_within(above: NDArray[np.bool_], row: NDArray[np.bool_]) -> bool:
    """Whether a row of pixels ends before its end, though it is a picture to the left of that, as is the row above."""
    end = len(row) - int(row[::-1].argmax())
    missing = above[end:]
    return len(missing) >= MIN_ABOVE and min(missing.mean(), row[:end].mean()) >= MIN_PICTURE_SHARE


def _tile_rows(pixels: Planes, image: Image.Image) -> Planes:
    """The rows of a picture in the order of its file: of a TIFF in tiles those of each tile, one tile after another."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile) or TILE_OFFSETS not in image.tag_v2:
        return pixels
    width, height = image.tag_v2[TILE_WIDTH], image.tag_v2[TILE_LENGTH]
    return np.concatenate(list(_tiles(pixels, width, height)))


def _tiles(pixels: Planes, width: int, height: int) -> Iterator[Planes]:
    """The tiles of a picture that are whole; those at its right and its lower edge are padded in the file."""
    for top in range(0, pixels.shape[0], height):
        for start in range(0, pixels.shape[1] - width + 1, width):
            yield pixels[top : top + height, start : start + width]
