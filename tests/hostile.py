"""Servers on loopback that do everything wrong, and what the tests of hostile webs share."""

import contextlib
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")
Script = Callable[["Talk"], None]
"""What a hostile server does with one connection."""


@dataclass
class Talk:
    """One connection, as the hostile server sees it."""

    socket: socket.socket
    ended: threading.Event
    sent: int = 0
    head: bytes = b""
    path: str = ""

    def say(self, data: bytes) -> None:
        self.socket.sendall(data)
        self.sent += len(data)

    def wait(self, seconds: float) -> None:
        self.ended.wait(seconds)

    def for_ever(self, piece: bytes, every_s: float = 0) -> None:
        while not self.ended.is_set():
            self.say(piece)
            if every_s:
                self.wait(every_s)


@dataclass
class Hostile:
    """A running hostile server."""

    port: int
    request_lines: list[str] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)
    """Requests, without their bodies."""
    sent: list[int] = field(default_factory=list)
    """Bytes sent on each connection that has ended."""
    connections: int = 0
    """Connections that were opened."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def exemption(self) -> str:
        return f"127.0.0.1:{self.port}"


@contextlib.contextmanager
def serving(script: Script, reads_request: bool = True) -> Iterator[Hostile]:
    """Run a script for every connection to a loopback port while the context lasts."""
    ended = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            hostile.connections += 1
            talk = Talk(self.request, ended)
            with contextlib.suppress(OSError):
                if reads_request:
                    head = b""
                    while b"\r\n\r\n" not in head:
                        piece = self.request.recv(4096)
                        if not piece:
                            return
                        head += piece
                    line = head.split(b"\r\n")[0].decode("latin-1")
                    hostile.request_lines.append(line)
                    hostile.heads.append(head)
                    talk.head = head
                    talk.path = line.split(" ")[1]
                script(talk)
            hostile.sent.append(talk.sent)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True
        request_queue_size = 128  # with the default of 5, packets are dropped when many connect at once
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        hostile = Hostile(server.server_address[1])
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield hostile
        finally:
            ended.set()
            server.shutdown()


def reset(talk: Talk) -> None:
    """Close a connection so that the other side sees it reset, not ended."""
    talk.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    talk.socket.close()


def ok(body: bytes, *headers: str, length: int | None = None) -> bytes:
    """A 200 with a body."""
    claimed = len(body) if length is None else length
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {claimed}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def ends_within(limit_s: float, act: Callable[[], T]) -> T:
    """Return what a call returns, and assert that it ends in time in one of three tries.

    A busy machine may be late once; a deadline that does not hold is late each time.
    """
    for _ in range(3):
        began = time.monotonic()
        result = act()
        took = time.monotonic() - began
        if took < limit_s:
            return result
    raise AssertionError(f"took {took:.2f} s, allowed are {limit_s:.2f} s")
