"""Content encodings, undone. Servers name encodings that they did not apply, so the bytes decide.

We ask for none, https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3, and get them all the same.
"""

import re
import zlib
from collections.abc import Callable, Sequence

from regraft.web.framing import TooLarge

PICTURE = re.compile(rb"\xff\xd8\xff|\x89PNG\r\n|GIF8|RIFF....WEBP|BM|II[*+]\0|MM\0[*+]|....ftyp", re.DOTALL)
"""What the usual kinds of pictures begin with: JPEG, PNG, GIF, WebP, BMP, TIFF, AVIF."""
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]")
"""What zlib's own header is, as zlib writes it: https://www.rfc-editor.org/rfc/rfc1950#section-2.2."""
GZIP_NAMES = ("gzip", "x-gzip")
GZIP_BITS, ZLIB_BITS, DEFLATE_BITS = 31, 15, -15
"""zlib's `wbits` for gzip, for zlib's own header, and for none."""
MAX_ENCODINGS = 3
"""Encodings of one body, one around the other, that are undone at most."""
MAX_MEMBERS = 100
"""Members of one gzip file: each is a pass over all that follows it, and thousands may be empty."""


class Damaged(Exception):
    """The encoded bytes are cut off, or are not what their own checksum says."""


class _NotEncoded(Exception):
    """The bytes are not in this encoding."""


def decoded(data: bytes, encodings: Sequence[str], max_bytes: int) -> bytes:
    """Return a body without its content encodings; `encodings` are their names in lower case, the outermost last.

    Gzip and Zstandard show in the bytes, named or not; Deflate, with and without zlib's header, and Brotli must be
    named, the first as gzip where it has that header. What is a picture already, and what is not in the encoding that
    it is named for, stays as it is. Raises TooLarge where the result would be larger than `max_bytes`, and Damaged.
    """
    for _ in range(MAX_ENCODINGS):
        decode = _decoder(data, encodings)
        if decode is None:
            return data
        try:
            data = decode(data, max_bytes)
        except _NotEncoded:
            return data
    return data


def _decoder(data: bytes, encodings: Sequence[str]) -> Callable[[bytes, int], bytes] | None:
    """What undoes the outermost encoding of some bytes; None where there is none."""
    if not data or PICTURE.match(data):
        return None
    if data.startswith(GZIP):
        return _gunzipped
    if data.startswith(ZSTD):
        return lambda data, max_bytes: _decompressed(data, "zstd", max_bytes)
    if "deflate" in encodings or (ZLIB.match(data) and any(name in encodings for name in GZIP_NAMES)):
        return _inflated
    if "br" in encodings:
        return lambda data, max_bytes: _decompressed(data, "brotli", max_bytes)
    return None


def _gunzipped(data: bytes, max_bytes: int) -> bytes:
    """All members of a gzip file; what follows them and is none is left out, as gzip does."""
    plain = b""
    for _ in range(MAX_MEMBERS):
        if not data.startswith(GZIP):
            return plain
        try:
            member, data = _inflated_with(GZIP_BITS, data, max_bytes - len(plain))
        except zlib.error as error:
            raise Damaged(f"gzip: {error}") from error
        plain += member
    raise Damaged(f"more than {MAX_MEMBERS} gzip files, one behind the other")


def _inflated(data: bytes, max_bytes: int) -> bytes:
    """Deflate, with zlib's header or without."""
    for bits in (ZLIB_BITS, DEFLATE_BITS):
        try:
            return _inflated_with(bits, data, max_bytes)[0]
        except zlib.error:
            pass
    raise _NotEncoded


def _inflated_with(bits: int, data: bytes, max_bytes: int) -> tuple[bytes, bytes]:
    """What zlib makes of some bytes, and the bytes that are left over. Raises zlib.error, TooLarge and Damaged."""
    inflate = zlib.decompressobj(bits)
    plain = inflate.decompress(data, max_bytes + 1)
    if len(plain) > max_bytes:
        raise TooLarge(f"more than {max_bytes:,} bytes inflated", max_bytes + 1)
    if not inflate.eof:
        raise Damaged("the compressed bytes end early")
    return plain, inflate.unused_data


def _decompressed(data: bytes, codec: str, max_bytes: int) -> bytes:
    """What Arrow makes of some bytes."""
    import pyarrow as pa  # takes a while to import, and few servers do this

    try:
        with pa.CompressedInputStream(pa.BufferReader(data), codec) as stream:
            plain = stream.read(max_bytes + 1)
    except OSError as error:
        raise (Damaged if "Truncated" in str(error) else _NotEncoded)(str(error)) from error
    if len(plain) > max_bytes:
        raise TooLarge(f"more than {max_bytes:,} bytes inflated", max_bytes + 1)
    return plain
