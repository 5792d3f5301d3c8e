"""A connection's bytes, read ahead no further than the kernel has them."""

import re
import socket
import ssl

from regraft.web.heads import BrokenHttp, Head, parse_head

HEAD_READ_BYTES = 1 << 12
"""Bytes that are read first of an answer: its head, and little of its body, which would be copied once more."""
READ_BYTES = 1 << 16
"""Bytes that are read at a time where nobody knows how many will come."""
MAX_READ_BYTES = 1 << 20
"""Bytes that are read at a time where so many were announced."""
MAX_HEAD_BYTES = 1 << 18
"""The largest head; browsers stop there too."""
HEAD_TOO_LARGE = f"a head of more than {MAX_HEAD_BYTES} bytes"
MAX_LINE_BYTES = 1 << 13
"""The longest line within a body."""
END_OF_HEAD = re.compile(rb"[^\r\n]\r*\n\r*\n")
"""An empty line, unless nothing was before it."""
LINE_END = b"\r\n"
MAX_INTERIM_HEADS = 100
"""Heads that only announce the answer, before it must come."""
ERROR_STATUS = 400


class Stream:
    """What a server sends on one connection, and nothing but that: it writes nothing and closes nothing."""

    def __init__(self, connected: socket.socket):
        self._socket = connected
        self._flags = 0 if isinstance(connected, ssl.SSLSocket) else socket.MSG_WAITALL
        self._ahead, self._taken = b"", 0
        """What was read, and how much of it was taken."""
        self.is_cut_off = False
        """Set from another thread: what the kernel still has is not read any more."""

    @property
    def has_bytes(self) -> bool:
        """Whether bytes were read that nobody has taken."""
        return self._taken < len(self._ahead)

    def head(self) -> Head:
        """Return the head of the next answer. Raises BrokenHttp, and OSError where there is none."""
        for _ in range(MAX_INTERIM_HEADS):
            if not (head := self._next_head()).is_interim:
                return head
        raise BrokenHttp(f"more than {MAX_INTERIM_HEADS} heads before the answer")

    def line(self) -> bytes:
        """Return the next line without its end; what is left at the end of the stream. Raises BrokenHttp."""
        while (end := self._ahead.find(b"\n", self._taken)) < 0:
            if len(self._ahead) - self._taken > MAX_LINE_BYTES:
                raise BrokenHttp("a line within the body is too long")
            if not self._read_on():
                return self._take(len(self._ahead)).rstrip(LINE_END)
        return self._take(end + 1 - self._taken).rstrip(LINE_END)

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes; fewer only at the end of the stream."""
        begun = self._take(size)
        left = size - len(begun)
        if left == 0:
            return begun
        pieces = [begun] if begun else []
        most = MAX_READ_BYTES if self._flags else READ_BYTES
        while left > 0 and (piece := self._socket.recv(min(left, most), self._flags)):
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def read_some(self) -> bytes:
        """Return what comes next, however much that is; nothing at the end of the stream."""
        return self._take(len(self._ahead)) if self.has_bytes else self._socket.recv(READ_BYTES)

    def _take(self, size: int) -> bytes:
        """Take at most so many bytes of what was read."""
        taken = self._ahead[self._taken : self._taken + size]
        self._taken += len(taken)
        return taken

    def _next_head(self) -> Head:
        searched = self._taken
        while (end := END_OF_HEAD.search(self._ahead, searched)) is None:
            unread = self._ahead[self._taken :]
            if len(unread) > MAX_HEAD_BYTES:
                raise BrokenHttp(HEAD_TOO_LARGE)
            if not self._read_on(READ_BYTES if unread else HEAD_READ_BYTES):
                return self._cut_head()
            searched = max(0, len(unread.rstrip(LINE_END)) - 1)  # the end may have begun, and be of many bytes
        if end.end() - self._taken > MAX_HEAD_BYTES:
            raise BrokenHttp(HEAD_TOO_LARGE)
        return parse_head(self._take(end.end() - self._taken))

    def _cut_head(self) -> Head:
        """The head of a stream that ends within it: enough where it says that there is an error anyway."""
        cut = self._take(len(self._ahead))
        if b"\n" in cut and (head := parse_head(cut)).status >= ERROR_STATUS:
            return head
        raise ConnectionResetError("the server closed the connection without an answer")

    def _read_on(self, max_bytes: int = READ_BYTES) -> bool:
        """Read more; return whether there was more."""
        piece = b"" if self.is_cut_off else self._socket.recv(max_bytes)
        self._ahead, self._taken = self._ahead[self._taken :] + piece, 0
        return bool(piece)
