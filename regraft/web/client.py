"""One HTTP exchange at a time with a web that is not trusted: guarded, bounded in bytes and in time.

What is expected to happen is a value: `Body`, `NotModified`, `Redirect` or `Failed`. Nothing is followed here that
was not checked, and a redirect's body is never read (requests reads it whole, even with stream=True).
"""

import errno
import http.client
import io
import socket
import ssl
import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import urllib3

from regraft.verdicts import Reason
from regraft.web.connections import Alarm, Connections, Opened, Watch
from regraft.web.guard import Guard
from regraft.web.urls import BadUrl, Blocked, spelt

if TYPE_CHECKING:
    import requests

REDIRECTS = (301, 302, 303, 307, 308)
SMALL_BODY = 16_384
PIECE = 1 << 18


@dataclass(frozen=True, slots=True)
class Body:
    """A whole body, with status 200."""

    data: bytes
    etag: str
    last_modified: str
    robots: str
    """X-Robots-Tag, lower case."""


@dataclass(frozen=True, slots=True)
class NotModified:
    """304: what is known still holds."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """A redirect to another URL, whose body was not read."""

    status: int
    url: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Why there is no body."""

    reason: Reason
    detail: str
    status: int = 0
    """The HTTP status, or 0 where no response came."""
    may_pass: bool = False
    """Trying again could help."""
    retry_after_s: float | None = None
    """What the server asked for."""
    local: bool = False
    """The fault points at this machine: its name server, its proxy, its network."""


Exchange = Body | NotModified | Redirect | Failed


class Client:
    """A pool of connections under one guard; thread-safe, one for each process."""

    def __init__(
        self,
        guard: Guard | None = None,
        *,
        proxy: str | None = None,
        user_agent: str = "regraft",
        connect_s: float = 5,
        max_bytes: int = 20_000_000,
        connections: int = 64,
    ):
        self.guard = guard or Guard()
        self.connect_s = connect_s
        self.max_bytes = max_bytes
        self.proxy = proxy
        self.watch = Watch()
        self._headers = {"User-Agent": user_agent, "Accept": "image/*, */*;q=0.5", "Accept-Encoding": "identity"}
        self._connections = Connections(self.guard, self.watch, proxy, connections)

    def get(self, url: str, deadline_s: float, etag: str = "", last_modified: str = "") -> Exchange:
        """Return one exchange, without following redirects, within `deadline_s` seconds and `max_bytes` of body.

        Validators make the request conditional. No exception leaves.
        """
        headers = dict(self._headers)
        if etag:
            headers["If-None-Match"] = etag
        if last_modified:
            headers["If-Modified-Since"] = last_modified
        alarm = self.watch.arm(deadline_s)
        try:
            self.guard.check(url)
            opened = self._connections.get(url, headers, min(self.connect_s, deadline_s), deadline_s)
            return self._read(url, opened, alarm)
        except Exception as error:  # urllib3 and http.client let ValueError, LookupError and more out
            return self._failure(error, alarm.fired)
        finally:
            self.watch.disarm(alarm)

    def follow(self, url: str, deadline_s: float, max_redirects: int = 5) -> tuple[str, Exchange]:
        """Return the final URL and its exchange, redirects followed and checked, all within `deadline_s` seconds."""
        end = time.monotonic() + deadline_s
        try:
            url = spelt(url)
        except BadUrl as error:
            return url, Failed(Reason.BAD_URL, str(error))
        except Blocked as error:
            return url, Failed(Reason.BLOCKED, str(error))
        for _ in range(max_redirects + 1):
            exchange = self.get(url, max(0.01, end - time.monotonic()))
            if not isinstance(exchange, Redirect):
                return url, exchange
            url = exchange.url
        return url, Failed(Reason.TOO_MANY_REDIRECTS, f"more than {max_redirects} redirects")

    def session(self) -> "requests.Session":
        """Return a requests session whose every socket passes this client's guard."""
        from regraft.web.session import guarded_session

        return guarded_session(self._connections.pool, self._headers)

    def _read(self, url: str, opened: Opened, alarm: Alarm) -> Exchange:
        response = opened.response
        status, headers = response.status, response.headers
        finished = False
        try:
            if status == 304:
                response.read()  # nothing, but http.client wants to be told
                finished = True
                return NotModified()
            if status in REDIRECTS and headers.get("Location"):
                if headers.get("Content-Length") == "0":
                    response.read()
                    finished = True
                return _redirect(url, status, headers["Location"])
            if status != 200:
                finished = _is_small(headers.get("Content-Length"))
                if finished:
                    response.read()
                return _refusal(status, headers.get("Retry-After"), via_proxy=self.proxy is not None)
            data = self._body(response, headers)
            if alarm.fired:  # a shut-down socket looks like a clean end
                return Failed(Reason.TIMEOUT, "the deadline passed", may_pass=True)
            if isinstance(data, Failed):
                return data
            finished = True
            return Body(
                data,
                headers.get("ETag", "")[:500],
                headers.get("Last-Modified", "")[:100],
                headers.get("X-Robots-Tag", "").lower()[:500],
            )
        finally:
            if finished:
                opened.keep()
            else:
                opened.drop()

    def _body(self, response: Any, headers: Any) -> bytes | Failed:
        told = headers.get("Content-Length", "")
        if told.isdigit() and int(told) > self.max_bytes:
            return Failed(Reason.TOO_LARGE, f"{told} bytes told, {self.max_bytes} allowed", 200)
        body = io.BytesIO()  # hands its bytes over without a copy
        while piece := response.read(PIECE):
            if body.write(piece) and body.tell() > self.max_bytes:
                return Failed(Reason.TOO_LARGE, f"more than {self.max_bytes} bytes", 200)
        if told.isdigit() and body.tell() < int(told) and headers.get("Transfer-Encoding", "").lower() != "chunked":
            return Failed(Reason.TRUNCATED, "the body ended early", 200, may_pass=True)
        return _decoded(body.getvalue(), headers.get("Content-Encoding", "").lower(), self.max_bytes)

    def _failure(self, error: Exception, fired: bool) -> Failed:
        if fired:
            return Failed(Reason.TIMEOUT, "the deadline passed", may_pass=True)
        causes = list(_causes(error))
        for cause in causes:
            match cause:
                case Blocked():
                    return Failed(Reason.BLOCKED, str(cause))
                case urllib3.exceptions.ProxyError() if not _spoke(causes):
                    return Failed(
                        Reason.UNREACHABLE, f"the proxy does not answer: {self.proxy}", may_pass=True, local=True
                    )
                case urllib3.exceptions.LocationValueError() | UnicodeError():
                    return Failed(Reason.BAD_URL, str(cause)[:200])
                case ssl.SSLError() | ssl.CertificateError():
                    return Failed(Reason.TLS, str(cause)[:200])
                case http.client.IncompleteRead() | urllib3.exceptions.InvalidChunkLength():
                    return Failed(Reason.TRUNCATED, "the body ended early", 200, may_pass=True)
                case socket.gaierror():
                    local = cause.errno in (socket.EAI_AGAIN, socket.EAI_FAIL, getattr(socket, "EAI_SYSTEM", -11))
                    return Failed(
                        Reason.UNREACHABLE, f"the name does not resolve: {cause}", may_pass=local, local=local
                    )
                case OSError() if cause.errno in (errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL):
                    return Failed(Reason.UNREACHABLE, str(cause)[:200], may_pass=True, local=True)
                case OSError() if cause.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    return Failed(Reason.UNREACHABLE, str(cause)[:200], may_pass=True, local=True)
                case urllib3.exceptions.NewConnectionError():
                    continue  # urllib3 derives it from its timeouts, but what it wraps tells
                case TimeoutError() | urllib3.exceptions.TimeoutError():
                    return Failed(Reason.TIMEOUT, str(cause)[:200], may_pass=True)
        tunnel = next((c for c in causes if isinstance(c, OSError) and str(c).startswith("Tunnel connection")), None)
        if tunnel is not None:
            return Failed(Reason.UNREACHABLE, f"the proxy could not reach it: {tunnel}"[:200], may_pass=True)
        return Failed(Reason.UNREACHABLE, f"{type(error).__name__}: {error}"[:200], may_pass=True)


def _redirect(url: str, status: int, location: str) -> Redirect | Failed:
    try:
        # A Location arrives as latin-1; servers that send raw UTF-8 in it mean UTF-8.
        target = location.encode("latin-1", "ignore").decode("utf-8", "replace")
        return Redirect(status, spelt(urljoin(url, target.strip())))
    except Blocked as error:
        return Failed(Reason.BLOCKED, str(error), status)
    except (BadUrl, ValueError) as error:
        return Failed(Reason.BLOCKED, f"redirects to no web address: {error}"[:200], status)


def _refusal(status: int, retry_after: str | None, via_proxy: bool) -> Failed:
    wait_s = _seconds(retry_after)
    match status:
        case 401 | 402 | 403 | 407 | 451:
            return Failed(Reason.FORBIDDEN, f"HTTP {status}", status)
        case 408:
            return Failed(Reason.TIMEOUT, "HTTP 408", status, may_pass=True)
        case 429:
            return Failed(Reason.RATE_LIMITED, "HTTP 429", status, may_pass=True, retry_after_s=wait_s)
        case 502 | 504:  # a gateway speaks for a server that it cannot reach
            return Failed(Reason.UNREACHABLE, f"HTTP {status}", status, may_pass=True, retry_after_s=wait_s)
        case _ if status >= 500:
            return Failed(Reason.SERVER_ERROR, f"HTTP {status}", status, may_pass=True, retry_after_s=wait_s)
        case _ if status >= 400:
            return Failed(Reason.GONE, f"HTTP {status}", status)
        case _:
            return Failed(Reason.NOT_AN_IMAGE, f"HTTP {status} without a picture", status)


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After in seconds, given as seconds or as a date."""
    if not retry_after:
        return None
    if retry_after.strip().isdigit():
        return float(retry_after.strip()[:9])
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def _decoded(data: bytes, encoding: str, max_bytes: int) -> bytes | Failed:
    """Undo a content encoding that was not asked for, within the cap."""
    if encoding in ("", "identity"):
        return data
    if encoding not in ("gzip", "x-gzip", "deflate"):
        return Failed(Reason.NOT_AN_IMAGE, f"content encoding {encoding[:40]!r}", 200)
    try:
        inflate = zlib.decompressobj(wbits=47 if encoding != "deflate" else 15)
        plain = inflate.decompress(data, max_bytes + 1)
    except zlib.error as error:
        return Failed(Reason.TRUNCATED, f"{encoding}: {error}", 200)
    if len(plain) > max_bytes:
        return Failed(Reason.TOO_LARGE, f"more than {max_bytes} bytes inflated", 200)
    return plain


def _is_small(told: str | None) -> bool:
    return told is not None and told.isdigit() and int(told) <= SMALL_BODY


def _causes(error: BaseException | None) -> Iterable[BaseException]:
    """An exception, what it wraps in its arguments and what caused it, innermost last."""
    seen: set[int] = set()
    todo: list[Any] = [error]
    while todo:
        one = todo.pop(0)
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        todo += [getattr(one, "reason", None), getattr(one, "original_error", None), one.__cause__, one.__context__]
        todo += list(one.args)


def _spoke(causes: list[BaseException]) -> bool:
    """Whether the proxy itself answered, and only could not go on."""
    return any(str(cause).startswith("Tunnel connection") for cause in causes)
