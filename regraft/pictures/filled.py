"""WebPs and AVIFs whose download stopped, and something else fills what is missing: neither format has a checksum.

What their coders write hardly ever holds one byte a few times in a row, and is never text. Only a WebP that ends in one
colour may end in one byte too, a lossy one in zeros. But it needs all of them, and fill is hardly ever just as long.
"""

from collections.abc import Callable, Iterator

from regraft.pictures.avif import Part, boxes
from regraft.pictures.foreign import is_text
from regraft.pictures.work import MAX_SEGMENTS, TooMuchWork

MIN_FILL_BYTES = 24
"""Bytes of one value at the end of a picture's compressed pixels, from which on they are no pixels."""
MIN_TEXT_BYTES = 64
"""The same of text."""
UNNEEDED_BYTES = 16
"""At the end of a WebP's pixels, without which it must not decode if they are its own."""
LOSSY_WEBP, LOSSLESS_WEBP = WEBP_PIXELS = (b"VP8 ", b"VP8L")
"""The chunks of a WebP that hold pixels: https://developers.google.com/speed/webp/docs/riff_container."""
AVIF_PIXELS = b"mdat"
"""The box of an AVIF that holds pixels: ISO/IEC 14496-12, section 8.1.1."""
WEBP_HEADER_BYTES, CHUNK_HEADER_BYTES = 12, 8


def is_filled(data: bytes, picture_format: str, decodes: Callable[[bytes], bool]) -> bool:
    """Return whether a WebP or an AVIF ends in nothing but fill; of other formats nobody can tell.

    `decodes` returns whether some bytes decode to a WebP.
    """
    parts: Callable[[bytes], Iterator[Part]] | None = {"WEBP": _chunks, "AVIF": boxes}.get(picture_format)
    for part in parts(data) if parts is not None else ():
        if part.name not in (*WEBP_PIXELS, AVIF_PIXELS) or part.end > len(data):
            continue
        pixels = data[part.start : part.end]
        if is_text(pixels[-MIN_TEXT_BYTES:]):
            return True
        if len(pixels) - len(pixels.rstrip(pixels[-1:])) >= MIN_FILL_BYTES:
            may_be_own = part.name == LOSSLESS_WEBP or (part.name == LOSSY_WEBP and pixels.endswith(b"\0"))
            return not may_be_own or decodes(_webp(part.name, pixels[:-UNNEEDED_BYTES]))
    return False


def _webp(name: bytes, pixels: bytes) -> bytes:
    """A WebP of one chunk."""
    chunk = name + len(pixels).to_bytes(4, "little") + pixels + bytes(len(pixels) % 2)
    return b"RIFF" + (4 + len(chunk)).to_bytes(4, "little") + b"WEBP" + chunk


def _chunks(webp: bytes) -> Iterator[Part]:
    """The chunks of a WebP."""
    place = WEBP_HEADER_BYTES
    file_end = min(len(webp), int.from_bytes(webp[4:8], "little") + CHUNK_HEADER_BYTES)
    for _ in range(MAX_SEGMENTS):
        if place + CHUNK_HEADER_BYTES > file_end:
            return
        size = int.from_bytes(webp[place + 4 : place + CHUNK_HEADER_BYTES], "little")
        start = place + CHUNK_HEADER_BYTES
        end = start + size
        yield Part(webp[place : place + 4], start, end)
        place = end + size % 2
    raise TooMuchWork(f"a WebP of more than {MAX_SEGMENTS:,} chunks")
