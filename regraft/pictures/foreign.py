"""Bytes that are no picture's, though a decoder makes pixels of them: what stands where a JPEG's download was cut.

A proxy's page of an error, for example. Any bytes decode to something, and a JPEG without an end may be followed by
anything. So it is seen in the bytes themselves: text holds nothing but text, and no byte 255 comes for long, of which a
JPEG's pixels have many (each is followed by a 0: https://www.w3.org/Graphics/JPEG/itu-t81.pdf, section F.1.2.3).
"""

import codecs
import zlib

MIN_TEXT_BYTES = 32
"""Bytes of text from which on they are no pixels: by chance so many never come in a row."""
MIN_CHARACTERS = 8
"""Different ones that a text has; pixels of one colour are the same few bytes again and again, which may be letters."""
CONTINUATION = bytes(range(0x80, 0xC0))
"""The bytes of a character in UTF-8 behind its first one: https://www.rfc-editor.org/rfc/rfc3629#section-3."""
MIN_EXPECTED = 8
"""Bytes 255 that a JPEG's pixels should have had where there is none: by chance that happens once in 3,000 times."""

MIN_STUFFED = 3
"""Bytes 255 with a 0 behind them from which on bytes are a JPEG's pixels: in others what follows may be anything."""


def ends_in_foreign_bytes(pixels: bytes, trailer: bytes) -> bool:
    """Return whether the last bytes of a JPEG's compressed pixels are the same stuff as the trailer behind them.

    A trailer that looks like pixels, and holds no marker, is another JPEG's, and so is what comes before it. An area of
    one colour may go without a byte 255 for long, but is the same few bytes again and again: those count once.
    """
    if trailer.count(b"\xff\0") >= MIN_STUFFED:
        return True
    if len(pixels) >= MIN_TEXT_BYTES and is_text(pixels[-MIN_TEXT_BYTES:] + trailer[:1]):
        return True
    own, _, rest = pixels.rpartition(b"\xff")
    return own.count(b"\xff") * len(zlib.compress(rest)) >= MIN_EXPECTED * len(own) > 0


def is_text(data: bytes) -> bool:
    """Return whether some bytes are out of the middle of a text in UTF-8."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(data.lstrip(CONTINUATION))
    except UnicodeDecodeError:
        return False
    is_readable = all(character.isprintable() or character.isspace() for character in text)
    return is_readable and len(set(text)) >= MIN_CHARACTERS
