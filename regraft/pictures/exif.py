"""How a picture is to be turned, by its EXIF block. A broken block is no reason to lose a picture."""

import struct

ORIENTATION_TAG = 0x0112
SHORT, LONG = 3, 4
"""EXIF's numbers for integers of two bytes and of four."""
HEADER = b"Exif\0\0"
"""What stands before the block in some formats, and not in others."""
ENTRY_BYTES = 12


def orientation_of(exif: bytes) -> int:
    """Return the orientation in an EXIF block, 1 to 8; 1, upright, where there is none that can be read.

    https://www.cipa.jp/std/documents/e/DC-008-2012_E.pdf, tag 0x0112
    """
    if not exif:
        return 1
    try:
        return _orientation_of(exif.removeprefix(HEADER))
    except (struct.error, KeyError):
        return 1


def _orientation_of(tiff: bytes) -> int:
    order = {b"II*\0": "<", b"MM\0*": ">"}[tiff[:4]]
    (start,) = struct.unpack_from(order + "I", tiff, 4)
    (entries,) = struct.unpack_from(order + "H", tiff, start)
    for number in range(entries):
        place = start + 2 + number * ENTRY_BYTES
        tag, kind = struct.unpack_from(order + "HH", tiff, place)
        if tag == ORIENTATION_TAG:
            (value,) = struct.unpack_from(order + {SHORT: "H", LONG: "I"}[kind], tiff, place + 8)
            return value if 1 <= value <= 8 else 1
    return 1
