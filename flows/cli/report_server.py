"""Reports over HTTP, for browsers and the dashboard's links: a handful of files of each version, read-only.

It listens on the loopback address, and answers only requests that were meant for it, so that no web page can reach the
reports through the reader's own browser: https://en.wikipedia.org/wiki/DNS_rebinding.
"""

import html
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from regraft.errors import RegraftError, StoreError
from regraft.store import versions
from regraft.store.store import Store

HOST = "127.0.0.1"
CONTENT_TYPES = {
    "report.html": "text/html; charset=utf-8",
    "MODEL_CARD.md": "text/plain; charset=utf-8",
    "metrics.json": "application/json",
    "run.json": "application/json",
}
"""The files that are served, and the Content-Type that they are served with."""
SECURITY_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
PATH = re.compile(rf"/(?P<version>{versions.NAME.pattern})/(?P<file>[A-Za-z_.]+)")
STYLE = ":root { color-scheme: light dark } body { font: 16px/1.6 system-ui; max-width: 40rem; margin: 2rem auto; }"


def report_server(store: Store, port: int) -> "ReportServer":
    """Return a server of a store's reports; `serve_forever` runs it. Port 0 is any that is free.

    Raises StoreError where the port is in use.
    """
    try:
        return ReportServer(store, port)
    except OSError as error:
        raise StoreError(f"Port {port} cannot be used ({error.strerror}). Choose another with --port.") from error


class ReportServer(ThreadingHTTPServer):
    """Serves the reports of one store on the loopback address."""

    def __init__(self, store: Store, port: int):
        self.store = store
        super().__init__((HOST, port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    """Answers `/` with the list of versions, and `/VERSION/report.html` with a report."""

    server: ReportServer

    def do_GET(self) -> None:
        host = self.headers.get("Host", "").rpartition(":")[0]
        if host not in (HOST, "localhost"):
            self._answer(403, "text/plain", b"only for this machine's own browser")
            return
        try:
            if self.path == "/":
                self._answer(200, CONTENT_TYPES["report.html"], _index_page(self.server.store).encode())
                return
            path = PATH.fullmatch(self.path)
            if path and path["file"] in CONTENT_TYPES:
                version = versions.version(self.server.store, path["version"])
                self._answer(200, CONTENT_TYPES[path["file"]], version.read(path["file"]))
                return
        except RegraftError:
            pass  # there is no such version, or it lacks the file
        self._answer(404, "text/plain", b"there is no such report")

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", SECURITY_POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        """Stay silent about requests."""


def _index_page(store: Store) -> str:
    """A page with a link to each version's report, the newest first."""
    champion = versions.champion(store)
    items = []
    for name in reversed(versions.names(store)):
        mark = " (champion)" if champion and champion.name == name else ""
        items.append(f'<li><a href="/{name}/report.html">{name}</a>{mark}</li>')
    listed = "".join(items) or "<li>none yet: <code>regraft run</code> makes the first</li>"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Regraft</title><style>{STYLE}</style>'
        f"<h1>Versions in {html.escape(store.url)}</h1><ul>{listed}</ul></html>"
    )
