"""A response's body, read and decoded within a cap."""

import io
import zlib
from typing import Any

from regraft.verdicts import Reason
from regraft.web.answers import Failed

READ_BYTES = 1 << 18
"""Bytes of a body that are read at a time."""
ZLIB_BITS = 15
"""zlib's `wbits` for a deflated body."""
GZIP_OR_ZLIB_BITS = 47
"""zlib's `wbits` for a body whose header says which of the two it is."""


def read_body(response: Any, max_bytes: int) -> bytes | Failed:
    """Return the whole body of an open response; Failed where it ends early or is larger than `max_bytes`."""
    headers = response.headers
    length = headers.get("Content-Length", "")
    if length.isdigit() and int(length) > max_bytes:
        return _too_large(f"the server announces {length} bytes, {max_bytes} are allowed")
    body = io.BytesIO()  # hands its bytes over without a copy
    while piece := response.read(READ_BYTES):
        if body.write(piece) and body.tell() > max_bytes:
            return _too_large(f"more than {max_bytes} bytes")
    is_chunked = headers.get("Transfer-Encoding", "").lower() == "chunked"
    if length.isdigit() and body.tell() < int(length) and not is_chunked:
        return ended_early()
    return _decoded(body.getvalue(), headers.get("Content-Encoding", "").lower(), max_bytes)


def skip_body(response: Any, max_bytes: int) -> bool:
    """Read a body that nobody needs, if its announced length is small; return whether it was read to its end.

    A connection can be used again only after that.
    """
    length = response.headers.get("Content-Length", "")
    if not length.isdigit() or int(length) > max_bytes:
        return False
    response.read()
    return True


def ended_early() -> Failed:
    """Return the failure of a body that is shorter than its server announced."""
    return Failed(reason=Reason.TRUNCATED, detail="the body ended early", status=200, may_pass=True)


def _decoded(data: bytes, encoding: str, max_bytes: int) -> bytes | Failed:
    """The body without its content encoding, which we never ask for; never more than `max_bytes`."""
    if encoding in ("", "identity"):
        return data
    if encoding not in ("gzip", "x-gzip", "deflate"):
        return Failed(reason=Reason.NOT_AN_IMAGE, detail=f"content encoding {encoding[:40]!r}", status=200)
    try:
        inflate = zlib.decompressobj(wbits=ZLIB_BITS if encoding == "deflate" else GZIP_OR_ZLIB_BITS)
        plain = inflate.decompress(data, max_bytes + 1)
    except zlib.error as error:
        return Failed(reason=Reason.TRUNCATED, detail=f"{encoding}: {error}", status=200)
    return _too_large(f"more than {max_bytes} bytes inflated") if len(plain) > max_bytes else plain


def _too_large(detail: str) -> Failed:
    return Failed(reason=Reason.TOO_LARGE, detail=detail, status=200)
