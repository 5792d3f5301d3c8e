"""How a response's body is delimited, and the body read: https://www.rfc-editor.org/rfc/rfc9112#section-6."""

import io
import re
from typing import Protocol

from regraft.web.heads import BrokenHttp, Head, whole_number
from regraft.web.streams import Stream

NUMBER = re.compile(r"[0-9]+")
CHUNK_SIZE = re.compile(rb"[ \t]*([0-9a-fA-F]+)[ \t]*(?:;.*)?", re.DOTALL)
NO_BODY_STATUSES = (101, 204, 205, 304)
MAX_TRAILERS = 128


class EndedEarly(Exception):
    """The body is shorter than was announced."""


class TooLarge(Exception):
    """The body is larger than is allowed."""

    def __init__(self, detail: str, size: int):
        super().__init__(detail)
        self.size = size
        """How large it is at least."""


class Framing(Protocol):
    """Where a body ends."""

    has_end: bool
    """Whether the body ends before the connection does."""
    has_size: bool
    """Whether the head says how large the body is."""

    def read(self, stream: Stream, max_bytes: int) -> bytes:
        """Return the whole body. Raises TooLarge above `max_bytes`, EndedEarly, BrokenHttp and OSError."""


class Length:
    """A body of so many bytes."""

    has_end = True
    has_size = True

    def __init__(self, size: int):
        self._size = size

    def read(self, stream: Stream, max_bytes: int) -> bytes:
        """Return the whole body, see Framing."""
        if self._size > max_bytes:
            raise TooLarge(f"the server announces {self._size:,} bytes, {max_bytes:,} are allowed", self._size)
        body = stream.read(self._size)
        if len(body) < self._size:
            raise EndedEarly(f"{len(body)} of {self._size} bytes")
        return body


class Chunked:
    """A body in chunks, each with its size before it."""

    has_end = True
    has_size = False

    def read(self, stream: Stream, max_bytes: int) -> bytes:
        """Return the whole body, see Framing."""
        body = io.BytesIO()  # a list of millions of tiny chunks would take many times their memory
        left = max_bytes
        while size := _chunk_size(stream):
            if size > left:
                stream.read(left)
                raise TooLarge(f"more than {max_bytes:,} bytes", max_bytes + 1)
            chunk = stream.read(size)
            if len(chunk) < size or stream.line():
                raise EndedEarly("a chunk is not as long as it says")
            left -= size
            body.write(chunk)
        for _ in range(MAX_TRAILERS):
            if not stream.line():
                return body.getvalue()
        raise BrokenHttp(f"more than {MAX_TRAILERS} trailers")


class UntilClose:
    """A body that ends where the connection does."""

    has_end = False
    has_size = False

    def read(self, stream: Stream, max_bytes: int) -> bytes:
        """Return the whole body, see Framing."""
        body = io.BytesIO()
        left = max_bytes
        while piece := stream.read_some():
            left -= len(piece)
            if left < 0:
                raise TooLarge(f"more than {max_bytes:,} bytes", max_bytes + 1)
            body.write(piece)
        return body.getvalue()


def framing_of(head: Head) -> Framing:
    """Return how the body after a head is delimited. Raises BrokenHttp where the head contradicts itself.

    A Content-Length that is no number counts as none, as in browsers.
    """
    if head.status in NO_BODY_STATUSES:
        return Length(0)
    codings = [coding.partition(";")[0].strip() for coding in head.members("transfer-encoding")]
    if codings := [coding for coding in codings if coding not in ("", "identity")]:
        return Chunked() if "chunked" in codings else UntilClose()
    lengths = set(head.members("content-length"))
    if len(lengths) > 1:
        raise BrokenHttp(f"several lengths of one body: {', '.join(sorted(lengths))[:80]}")
    length = lengths.pop() if lengths else ""
    return Length(whole_number(length)) if NUMBER.fullmatch(length) else UntilClose()


def stays_open(head: Head, framing: Framing) -> bool:
    """Return whether another request may follow on the connection, once the body was read."""
    connection = head.members("connection")
    is_ambiguous = "transfer-encoding" in head.fields and "content-length" in head.fields
    wants = "keep-alive" in connection if head.version < (1, 1) else "close" not in connection
    return framing.has_end and wants and not is_ambiguous


def _chunk_size(stream: Stream) -> int:
    """The size of the next chunk, 0 for the last. Raises EndedEarly."""
    line = stream.line()
    size = CHUNK_SIZE.fullmatch(line)
    if size is None:
        raise EndedEarly(f"{line[:40]!r} is no chunk size")
    return int(size[1], 16)
