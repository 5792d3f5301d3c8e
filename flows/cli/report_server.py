"""Reports over HTTP, for browsers and the dashboard's links: a handful of files of each version, read-only.

Bound to the loopback address, and answers only requests that were meant for it, so that no web page can reach the
reports through the reader's own browser: https://en.wikipedia.org/wiki/DNS_rebinding.
"""

import html
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from regraft.errors import RegraftError, StoreError
from regraft.store import versions
from regraft.store.store import Store

HOST = "127.0.0.1"
FILES = {
    "report.html": "text/html; charset=utf-8",
    "MODEL_CARD.md": "text/plain; charset=utf-8",
    "metrics.json": "application/json",
    "run.json": "application/json",
}
"""The files that are served, and what they are served as."""
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
ADDRESS = re.compile(rf"/({versions.NAME.pattern})/([A-Za-z_.]+)")


def server(store: Store, port: int) -> ThreadingHTTPServer:
    """Return a server of a store's reports at a port, 0 for any; `serve_forever` runs it. Raises StoreError."""

    class Reports(BaseHTTPRequestHandler):
        """`/` lists the versions, `/VERSION/report.html` is a report."""

        def do_GET(self) -> None:
            where = self.headers.get("Host", "").rpartition(":")[0]
            if where not in (HOST, "localhost"):
                self._answer(403, "text/plain", b"only for this machine's own browser")
                return
            try:
                if self.path == "/":
                    self._answer(200, FILES["report.html"], _index(store).encode())
                    return
                asked = ADDRESS.fullmatch(self.path)
                if asked and asked[3] in FILES:
                    self._answer(200, FILES[asked[3]], versions.version(store, asked[1]).read(asked[3]))
                    return
            except RegraftError:
                pass
            self._answer(404, "text/plain", b"there is no such report")

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            for name, value in {
                "Content-Type": kind,
                "Content-Length": str(len(body)),
                "Content-Security-Policy": POLICY,
                "X-Content-Type-Options": "nosniff",
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            """Say nothing of every request."""

    try:
        return ThreadingHTTPServer((HOST, port), Reports)
    except OSError as error:
        raise StoreError(f"Port {port} cannot be had ({error.strerror}). Give another: --port.") from error


def _index(store: Store) -> str:
    champion = versions.champion(store)
    lines = []
    for name in reversed(versions.names(store)):
        mark = " (champion)" if champion and champion.name == name else ""
        lines.append(f'<li><a href="/{name}/report.html">{name}</a>{mark}</li>')
    said = "".join(lines) or "<li>none yet: <code>regraft run</code> makes the first</li>"
    style = ":root { color-scheme: light dark } body { font: 16px/1.6 system-ui; max-width: 40rem; margin: 2rem auto; }"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Regraft</title><style>{style}</style>'
        f"<h1>Versions in {html.escape(store.url)}</h1><ul>{said}</ul></html>"
    )
