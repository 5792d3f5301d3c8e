"""A web archive on loopback that speaks Memento, RFC 7089, and lies where a test wants it to."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TAKEN = "20091224180000"
DATE = "Thu, 24 Dec 2009 18:00:00 GMT"
PREFIX = "/web/"


@dataclass
class Answer:
    """What the archive answers with."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    is_endless: bool = False


@dataclass
class Archive:
    """A running archive: the pictures that it keeps by URL, and what it was asked."""

    port: int
    pictures: dict[str, bytes]
    lie: Callable[[str, "Archive"], Answer | None]
    """Takes the place of a true answer to a path, where it is not None."""
    paths: list[str] = field(default_factory=list)
    wanted: list[str] = field(default_factory=list)
    """The dates that were asked for."""

    @property
    def timegate(self) -> str:
        """Its TimeGate."""
        return f"http://127.0.0.1:{self.port}{PREFIX}"

    @property
    def exemption(self) -> str:
        """Lets it be requested though it is on loopback."""
        return f"127.0.0.1:{self.port}"

    def memento(self, url: str, word: str = "") -> str:
        """The URL of the memento of a URL; `id_` is the word for the bytes as they were taken."""
        return f"{self.timegate}{TAKEN}{word}/{url}"

    def answer(self, path: str) -> Answer:
        """What is true."""
        if (lie := self.lie(path, self)) is not None:
            return lie
        rest = path.removeprefix(PREFIX)
        if not rest.startswith(TAKEN):
            known = rest in self.pictures
            return Answer(302, headers={"Location": self.memento(rest)}) if known else Answer(404)
        word, url = rest.removeprefix(TAKEN).split("/", 1)
        body = self.pictures[url]
        if word != "id_":  # a replay that writes into what it shows
            body = b"<!-- the archive's banner -->" + body
        return Answer(body=body, headers=memento_headers(url))


def memento_headers(url: str) -> dict[str, str]:
    """The fields that make an answer a memento."""
    return {"Memento-Datetime": DATE, "Link": f'<{url}>; rel="original", <http://other/>; rel="timemap"'}


@contextlib.contextmanager
def archive(
    pictures: Mapping[str, bytes], lie: Callable[[str, Archive], Answer | None] = lambda path, archive: None
) -> Iterator[Archive]:
    """Serve an archive while the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            running.paths.append(self.path)
            running.wanted.append(self.headers.get("Accept-Datetime", ""))
            answer = running.answer(self.path)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if not answer.is_endless:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(answer.body)
                while answer.is_endless and not ended.is_set():
                    self.wfile.write(answer.body)

        def log_message(self, *words: Any) -> None:
            """Stay silent."""

    ended = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    running = Archive(server.server_port, dict(pictures), lie)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield running
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
