"""How many parts a TIFF has: Pillow makes objects of all of them as it opens a file, and a million take seconds.

https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf, page 13; with 64 bits
https://www.awaresystems.be/imaging/tiff/bigtiff.html
"""

import struct

STRIP_OFFSETS, TILE_OFFSETS = 273, 324
"""The tags whose values are the places of an image's strips, or of its tiles."""
BIG_VERSION = 43
"""What a TIFF with offsets of 64 bits says in its header."""
MAX_ENTRIES = 65_535
"""Tags of one image; with offsets of 32 bits there cannot be more."""


def parts_of(data: bytes) -> int:
    """Return how many strips or tiles a TIFF's first image has, as its header says; 0 where that cannot be read."""
    order = "<" if data[:1] == b"I" else ">"
    is_big = data[2:4] == struct.pack(order + "H", BIG_VERSION)
    place, number, entry = ("8xQ", "Q", "HHQQ") if is_big else ("4xI", "H", "HHII")
    try:
        (start,) = struct.unpack_from(order + place, data)
        (entries,) = struct.unpack_from(order + number, data, start)
        first = start + struct.calcsize(order + number)
        size = struct.calcsize(order + entry)
        tags = (struct.unpack_from(order + entry, data, first + i * size) for i in range(min(entries, MAX_ENTRIES)))
        return max((count for tag, _, count, _ in tags if tag in (STRIP_OFFSETS, TILE_OFFSETS)), default=0)
    except (struct.error, OverflowError):  # it ends within its header
        return 0
