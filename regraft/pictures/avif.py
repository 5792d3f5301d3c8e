"""An AVIF's boxes: where its pixels are, and what it says of their colours. ISO/IEC 14496-12, section 4.2."""

from collections.abc import Iterator
from typing import NamedTuple

from regraft.pictures.coded_colours import profile_of_codes
from regraft.pictures.work import MAX_SEGMENTS, TooMuchWork

HEADER_BYTES, LONG_HEADER_BYTES = 8, 16
COLOURS_PATH = (b"meta", b"iprp", b"ipco", b"colr")
"""The boxes, each in the one before, that say what colours are: ISO/IEC 23008-12, section 6.5.5."""
META_BYTES = 4
"""Of the first of them, before its boxes."""
NCLX = b"nclx"
"""What such a box begins with if two numbers follow, as in `coded_colours`, and no profile."""


class Part(NamedTuple):
    """A part of a file."""

    name: bytes
    """Four letters."""
    start: int
    """Where what it holds begins."""
    end: int
    """Where it ends, as its header says."""


def boxes(data: bytes) -> Iterator[Part]:
    """Return the outermost boxes of an AVIF, or of what a box holds. Raises TooMuchWork where there are too many."""
    place = 0
    for _ in range(MAX_SEGMENTS):
        if place + HEADER_BYTES > len(data):
            return
        size = int.from_bytes(data[place : place + 4], "big")
        if size == 1:  # it is too long for four bytes
            size = int.from_bytes(data[place + HEADER_BYTES : place + LONG_HEADER_BYTES], "big")
        end = place + size if size >= HEADER_BYTES else len(data)
        yield Part(data[place + 4 : place + HEADER_BYTES], place + HEADER_BYTES, end)
        place = end
    raise TooMuchWork(f"an AVIF of more than {MAX_SEGMENTS:,} boxes")


def coded_profile(avif: bytes) -> bytes:
    """Return a profile for the two numbers by which an AVIF explains its colours; none where they mean sRGB."""
    held = avif
    for name in COLOURS_PATH[:-1]:
        held = next(_named(held, name), b"")
    codes = next((box for box in _named(held, COLOURS_PATH[-1]) if box.startswith(NCLX) and len(box) >= 8), b"")
    return profile_of_codes(int.from_bytes(codes[4:6], "big"), int.from_bytes(codes[6:8], "big")) if codes else b""


def _named(data: bytes, name: bytes) -> Iterator[bytes]:
    """What the boxes of some name hold."""
    skipped = META_BYTES if name == COLOURS_PATH[0] else 0
    return (data[box.start + skipped : box.end] for box in boxes(data) if box.name == name)
