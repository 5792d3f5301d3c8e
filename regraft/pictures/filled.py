"""WebPs and AVIFs whose download stopped: what is missing is filled with zeros, and neither format has a checksum.

What their coders write hardly ever holds a few zeros in a row, and never as many as a picture that was cut.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

MIN_ZEROS = 64
"""Zeros at the end of a picture's compressed pixels, from which on they are no pixels."""
WEBP_PIXELS = (b"VP8 ", b"VP8L")
"""The chunks of a WebP that hold pixels: https://developers.google.com/speed/webp/docs/riff_container."""
AVIF_PIXELS = b"mdat"
"""The box of an AVIF that holds pixels: ISO/IEC 14496-12, section 8.1.1."""
WEBP_HEADER_BYTES, CHUNK_HEADER_BYTES = 12, 8
BOX_HEADER_BYTES, LONG_BOX_HEADER_BYTES = 8, 16


class Part(NamedTuple):
    """A part of a file."""

    name: bytes
    """Four letters."""
    end: int
    """Where it ends, as its header says."""


def is_filled(data: bytes, picture_format: str) -> bool:
    """Return whether the pixels of a WebP or an AVIF end in nothing but zeros; of other formats nobody can tell."""
    parts: Callable[[bytes], Iterator[Part]] | None = {"WEBP": _chunks, "AVIF": _boxes}.get(picture_format)
    if parts is None:
        return False
    ends = [part.end for part in parts(data) if part.name in (*WEBP_PIXELS, AVIF_PIXELS) and part.end <= len(data)]
    return any(data[end - MIN_ZEROS : end] == bytes(MIN_ZEROS) for end in ends if end >= MIN_ZEROS)


def _chunks(webp: bytes) -> Iterator[Part]:
    """The chunks of a WebP."""
    place = WEBP_HEADER_BYTES
    while place + CHUNK_HEADER_BYTES <= len(webp):
        size = int.from_bytes(webp[place + 4 : place + CHUNK_HEADER_BYTES], "little")
        end = place + CHUNK_HEADER_BYTES + size
        yield Part(webp[place : place + 4], end)
        place = end + size % 2


def _boxes(avif: bytes) -> Iterator[Part]:
    """The outermost boxes of an AVIF."""
    place = 0
    while place + BOX_HEADER_BYTES <= len(avif):
        size = int.from_bytes(avif[place : place + 4], "big")
        if size == 1:  # it is too long for four bytes
            size = int.from_bytes(avif[place + BOX_HEADER_BYTES : place + LONG_BOX_HEADER_BYTES], "big")
        end = place + size if size >= BOX_HEADER_BYTES else len(avif)
        yield Part(avif[place + 4 : place + BOX_HEADER_BYTES], end)
        place = end
