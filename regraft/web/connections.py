"""Connections that a hostile server cannot hold: opened by the guard, ended by their request's alarm, kept alive."""

import contextlib
import re
import select
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from regraft.web.deadlines import Alarm
from regraft.web.guard import MIN_TIMEOUT_S, Guard, ProxyGuard
from regraft.web.heads import BrokenHttp, Head
from regraft.web.streams import Stream
from regraft.web.urls import DEFAULT_PORTS, BadUrl, scheme_and_server_of

MAX_IDLE = 128
"""Connections that are kept for later at most; the one that was unused for longest is closed first."""
SOCKET_OPTIONS = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)
LATE_STATUSES = (400, 408)
"""What a server says to a connection on which nothing came for long: on a kept one it may not be meant for us."""
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:kRSA+AESGCM:kRSA+AES:DHE+AESGCM:DHE+AES:!aDSS:!AESCCM"
"""What browsers offer a server of TLS 1.2, old ones included, and DHE last: old servers have too short keys for it.

Python's own list leaves out RSA's key exchange and SHA-1: https://docs.python.org/3/library/ssl.html#cipher-selection.
"""
OP_LEGACY_SERVER_CONNECT = getattr(ssl, "OP_LEGACY_SERVER_CONNECT", 0x4)
"""Lets servers answer that do not know RFC 5746, as browsers do: nothing is sent that a stranger could add to."""
MAX_DETAIL_LENGTH = 200
NOT_IN_URLS = re.compile(r"[^!-~]")
"""What no URL holds when it is requested: all but the visible characters of ASCII."""
NOT_IN_FIELDS = re.compile(r"[\r\n\0]")
"""What would end a header's line."""


class ProxyDown(Exception):
    """The job's proxy does not answer."""


class TunnelRefused(Exception):
    """The proxy answers, and does not reach the server."""


class Server(NamedTuple):
    """Whom a connection leads to."""

    scheme: str
    """http or https."""
    host: str
    """A name, or an IP address without brackets."""
    port: int
    """The TCP port."""


class Connection:
    """One socket, and what comes from it."""

    def __init__(self, server: Server, connected: socket.socket):
        self.server = server
        """Whom it leads to: the proxy, where that forwards requests."""
        self.socket = connected
        self.stream = Stream(connected)
        self._twin = connected
        """What is shut down from another thread: TLS would not survive that on its own socket."""

    def start_tls(self, context: ssl.SSLContext, timeout_s: float) -> None:
        """Shake hands within `timeout_s`. Raises ssl.SSLError and OSError."""
        self._twin = self.socket.dup()
        self.socket.settimeout(timeout_s)
        self.socket = context.wrap_socket(self.socket, server_hostname=self.server.host.rstrip("."))
        self.socket.settimeout(None)  # the alarm ends what takes too long; a timeout costs a poll for every read
        self.stream = Stream(self.socket)

    def exchange(self, request: bytes) -> Head:
        """Send a request, and return the head of its answer. Raises BrokenHttp and OSError."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may have answered before that
            self.socket.sendall(request)
        return self.stream.head()

    @property
    def is_quiet(self) -> bool:
        """Whether it is open, and nothing has come that nobody asked for."""
        if self.stream.has_bytes or (isinstance(self.socket, ssl.SSLSocket) and self.socket.pending()):
            return False
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        return not poll.poll(0)

    def shut_down(self) -> None:
        """Wake whoever waits on it; safe from another thread."""
        self.stream.is_cut_off = True
        with contextlib.suppress(OSError):  # it is closed already
            self._twin.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close it; may be called twice."""
        self.socket.close()
        self._twin.close()


class Connections:
    """A process's connections to the web, or to the one proxy that all requests go through; shared by threads."""

    def __init__(self, guard: Guard, proxy: str | None):
        self._proxy = server_of(proxy) if proxy else None
        self._guard = ProxyGuard(self._proxy.host, self._proxy.port) if self._proxy else guard
        self._idle: deque[Connection] = deque()
        self._lock = threading.Lock()

    def get(self, url: str, headers: Mapping[str, str], connect_s: float, alarm: Alarm) -> tuple[Head, Connection]:
        """Return the head of the answer to a GET, and the connection that its body is to be read from.

        `keep` or the connection's `close` must follow. Raises Blocked, BadUrl, BrokenHttp, ProxyDown, TunnelRefused and
        OSError.
        """
        server = server_of(url)
        is_forwarded = self._proxy is not None and server.scheme == "http"
        request = _request(url, headers, is_forwarded)
        if self._proxy is not None and is_forwarded:
            server = self._proxy
        idle = self._take_idle(server)
        if idle is not None:
            with contextlib.suppress(OSError, BrokenHttp):  # closed meanwhile, or out of step
                head = _answer(idle, request, alarm)
                if head.status not in LATE_STATUSES:
                    return head, idle
            idle.close()
        connection = self._open(server, min(connect_s, alarm.left_s), alarm)
        return _answer(connection, request, alarm), connection

    def keep(self, connection: Connection) -> None:
        """Keep a connection for another request; the body must have been read to its end."""
        with self._lock:
            self._idle.append(connection)
            surplus = self._idle.popleft() if len(self._idle) > MAX_IDLE else None
        if surplus is not None:
            surplus.close()

    def _take_idle(self, server: Server) -> Connection | None:
        """A kept connection to a server, the one last used; None where there is none."""
        while True:
            with self._lock:
                places = range(len(self._idle) - 1, -1, -1)
                place = next((place for place in places if self._idle[place].server == server), None)
                if place is None:
                    return None
                connection = self._idle[place]
                del self._idle[place]
            if connection.is_quiet:
                return connection
            connection.close()

    def _open(self, server: Server, connect_s: float, alarm: Alarm) -> Connection:
        """A new connection to a server, ready for a request."""
        end = time.monotonic() + connect_s
        connection = Connection(server, self._connected(server, connect_s))
        try:
            if server.scheme == "https":
                alarm.attach(connection)
                if self._proxy is not None:
                    _open_tunnel(connection)
                connection.start_tls(_tls(), max(MIN_TIMEOUT_S, end - time.monotonic()))
        except BaseException:
            connection.close()
            raise
        return connection

    def _connected(self, server: Server, connect_s: float) -> socket.socket:
        if self._proxy is None:
            return self._guard.connect(server.host, server.port, connect_s, SOCKET_OPTIONS)
        try:
            return self._guard.connect(self._proxy.host, self._proxy.port, connect_s, SOCKET_OPTIONS)
        except OSError as error:
            raise ProxyDown(str(error)) from error


def server_of(url: str) -> Server:
    """Return the server that a URL names. Raises BadUrl where it names none."""
    return _server(*scheme_and_server_of(url))


@lru_cache(4096)
def _server(scheme: str, netloc: str) -> Server:
    try:
        parts = urlsplit(f"{scheme}://{netloc}")
        port = parts.port
    except ValueError as error:
        raise BadUrl(str(error)) from error
    if scheme not in DEFAULT_PORTS or not parts.hostname:
        raise BadUrl(f"{scheme}://{netloc} is no server"[:MAX_DETAIL_LENGTH])
    return Server(scheme, parts.hostname, DEFAULT_PORTS[scheme] if port is None else port)


def _answer(connection: Connection, request: bytes, alarm: Alarm) -> Head:
    """The head of a request's answer; the connection is closed where there is none."""
    alarm.attach(connection)
    try:
        return connection.exchange(request)
    except BaseException:
        connection.close()
        raise


def _request(url: str, headers: Mapping[str, str], is_forwarded: bool) -> bytes:
    """The bytes of a GET. Raises BadUrl or ValueError where one of its lines would be more than one."""
    _, _, netloc, path = url.split("/", 3)
    if NOT_IN_URLS.search(url):
        raise BadUrl(f"{url[:80]!r} holds characters that no request may hold")
    if NOT_IN_FIELDS.search("".join(headers.values())):
        raise ValueError("a header would hold a line break")
    lines = [f"GET {url if is_forwarded else '/' + path} HTTP/1.1", f"Host: {netloc}"]
    lines += [*(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def _open_tunnel(connection: Connection) -> None:
    """Have the proxy connect to a server: https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6.

    Raises TunnelRefused, ssl.SSLError and OSError.
    """
    _, host, port = connection.server
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    head = connection.exchange(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode("latin-1"))
    if not 200 <= head.status < 300:
        raise TunnelRefused(f"the proxy could not reach it: HTTP {head.status}")
    if connection.stream.has_bytes:
        raise ssl.SSLError("the server speaks before the handshake, so it speaks no TLS")


@lru_cache(1)
def _tls() -> ssl.SSLContext:
    """How certificates are checked, as this machine's OpenSSL does; and what servers may encrypt with."""
    context = ssl.create_default_context()
    context.set_ciphers(CIPHERS)
    context.options |= OP_LEGACY_SERVER_CONNECT
    context.set_alpn_protocols(["http/1.1"])
    return context
