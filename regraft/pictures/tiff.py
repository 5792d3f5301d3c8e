"""How much work a TIFF is, as its header says, before Pillow opens it.

Pillow makes objects of all strips or tiles, and a million take seconds; libtiff takes memory for a whole tile, however
small the picture in it is.

https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf, page 13; with 64 bits
https://www.awaresystems.be/imaging/tiff/bigtiff.html
"""

import struct
from typing import NamedTuple

STRIP_OFFSETS, TILE_OFFSETS = 273, 324
"""The tags whose values are the places of an image's strips, or of its tiles."""
TILE_SIDES = TILE_WIDTH, TILE_LENGTH = 322, 323
"""The tags whose values are the pixels of a tile's sides."""
SHORT = 3
"""TIFF's number for values of two bytes."""
BIG_VERSION = 43
"""What a TIFF with offsets of 64 bits says in its header."""
MAX_ENTRIES = 65_535
"""Tags of one image; with offsets of 32 bits there cannot be more."""


class TiffHeader(NamedTuple):
    """What the header of a TIFF's first image says."""

    parts: int
    """How many strips or tiles it has."""
    tile_pixels: int
    """Pixels of a tile; 0 where it has strips."""


def tiff_header(data: bytes) -> TiffHeader:
    """Return what a TIFF's header says; as far as that cannot be read, nothing."""
    order = "<" if data[:1] == b"I" else ">"
    is_big = data[2:4] == struct.pack(order + "H", BIG_VERSION)
    place, number, entry = ("8xQ", "Q", "HHQQ") if is_big else ("4xI", "H", "HHII")
    try:
        (start,) = struct.unpack_from(order + place, data)
        (entries,) = struct.unpack_from(order + number, data, start)
        first = start + struct.calcsize(order + number)
        size = struct.calcsize(order + entry)
        tags = [struct.unpack_from(order + entry, data, first + i * size) for i in range(min(entries, MAX_ENTRIES))]
    except (struct.error, OverflowError):  # it ends within its header
        return TiffHeader(0, 0)
    parts = max((count for tag, _, count, _ in tags if tag in (STRIP_OFFSETS, TILE_OFFSETS)), default=0)
    left_bits = (48 if is_big else 16) if order == ">" else 0  # a short value is the first half of its field
    sides = {tag: value >> left_bits if kind == SHORT else value for tag, kind, _, value in tags if tag in TILE_SIDES}
    return TiffHeader(parts, sides[TILE_WIDTH] * sides[TILE_LENGTH] if len(sides) == len(TILE_SIDES) else 0)
