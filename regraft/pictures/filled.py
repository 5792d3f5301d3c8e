"""WebPs and AVIFs whose download stopped: what is missing is filled with one byte, and neither format has a checksum.

What their coders write hardly ever holds one byte a few times in a row. Only a lossy WebP that ends in one colour may
end in zeros too, but in few of them: one stands for a thousand pixels and more.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

MIN_FILL_BYTES = 64
"""Bytes of one value at the end of a picture's compressed pixels, from which on they are no pixels."""
PIXELS_A_FILL_BYTE = 400
"""Of a lossy WebP, for each of which it may end in one such byte: of one colour it took 1,170 at least."""
LOSSY_WEBP = b"VP8 "
WEBP_PIXELS = (LOSSY_WEBP, b"VP8L")
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


def is_filled(data: bytes, picture_format: str, pixels: int) -> bool:
    """Return whether a WebP or an AVIF of so many pixels ends in nothing but fill; of other formats nobody can tell."""
    parts: Callable[[bytes], Iterator[Part]] | None = {"WEBP": _chunks, "AVIF": _boxes}.get(picture_format)
    return parts is not None and any(_ends_in_fill(data, part, pixels) for part in parts(data))


def _ends_in_fill(data: bytes, part: Part, pixels: int) -> bool:
    """Whether a part holds pixels, and ends in more bytes of one value than pixels have."""
    if part.name not in (*WEBP_PIXELS, AVIF_PIXELS) or part.end > len(data):
        return False
    size = max(MIN_FILL_BYTES, pixels // PIXELS_A_FILL_BYTE) if part.name == LOSSY_WEBP else MIN_FILL_BYTES
    return data[max(0, part.end - size) : part.end] == data[part.end - 1 : part.end] * size


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
