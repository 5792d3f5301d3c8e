"""Serves the menagerie's web on a loopback port, as the proxy behind which its hosts exist at all."""

import contextlib
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from regraft.menagerie.pages import Page
from regraft.menagerie.web import Web

HANG_S = 60
"""Seconds after which a server that hangs closes the connection."""
POLL_S = 0.05
"""Seconds between two looks at whether to stop serving."""


class Server(ThreadingHTTPServer):
    """The running web."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, web: Web):
        self.web = web
        self.closing = threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def proxy(self) -> str:
        """The address to set as a config's proxy."""
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent: clients hang up on hostile answers, as they should."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        page = self.server.web.page(self.path, self.headers.get("Accept-Datetime", ""))
        if page.hangs:
            self.server.closing.wait(HANG_S)
            self.close_connection = True
        elif page.endless:
            self._send_endless(page)
        else:
            self._answer(page)

    def do_CONNECT(self) -> None:
        """Open a tunnel to a server that speaks no TLS."""
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self.rfile.read1()  # the client's first words; closed with them unread, a connection is reset
        self.wfile.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent about requests: the run reports what became of them."""

    def _answer(self, page: Page) -> None:
        headers = dict(page.headers)
        status, body = page.status, page.body
        if page.is_photo:
            etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
            headers |= {"ETag": etag, "Last-Modified": "Fri, 21 Aug 2009 10:00:00 GMT"}
            if self.headers.get("If-None-Match") == etag:
                status, body = 304, b""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Type", page.content_type)
            self.send_header("Content-Length", str(len(body) if page.length is None else page.length))
        self.end_headers()
        self.wfile.write(body)
        if page.length is not None:
            self.close_connection = True

    def _send_endless(self, page: Page) -> None:
        self.send_response(200)
        self.send_header("Content-Type", page.content_type)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        with contextlib.suppress(OSError):
            while not self.server.closing.is_set():
                self.wfile.write(page.body)


@contextlib.contextmanager
def serve(web: Web) -> Iterator[Server]:
    """Serve a web while the context lasts."""
    server = Server(web)
    threading.Thread(target=server.serve_forever, args=(POLL_S,), name="menagerie", daemon=True).start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
