"""Connections that a hostile server cannot hold: opened by the guard, ended by a watch when their time is up."""

import heapq
import http.client
import itertools
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from regraft.web.guard import Guard
from regraft.web.urls import Blocked


class Alarm:
    """One deadline, and the connection that it ends."""

    __slots__ = ("at", "connection", "done", "fired")

    def __init__(self, at: float):
        self.at = at
        self.connection: Any = None
        self.fired = False
        self.done = False


class Watch:
    """Ends exchanges whose deadline passed, from one thread: shutting a socket down wakes whoever waits on it."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Alarm]] = []
        self._count = itertools.count()
        self._changed = threading.Condition()
        self._here = threading.local()
        self._thread: threading.Thread | None = None

    def arm(self, seconds: float) -> Alarm:
        """Return an alarm for this thread's next exchange."""
        alarm = Alarm(time.monotonic() + seconds)
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
                self._thread.start()
            heapq.heappush(self._heap, (alarm.at, next(self._count), alarm))
            if self._heap[0][2] is alarm:
                self._changed.notify()
        self._here.alarm = alarm
        return alarm

    def attach(self, connection: Any) -> None:
        """Put a connection under this thread's alarm."""
        alarm = getattr(self._here, "alarm", None)
        if alarm is not None:
            alarm.connection = connection
            if alarm.fired:
                connection.shut_down()

    def disarm(self, alarm: Alarm) -> None:
        """Forget an alarm."""
        alarm.done = True
        alarm.connection = None
        self._here.alarm = None

    def _run(self) -> None:
        while True:
            with self._changed:
                while self._heap and self._heap[0][2].done:
                    heapq.heappop(self._heap)
                now = time.monotonic()
                if not self._heap or self._heap[0][0] > now:
                    self._changed.wait(self._heap[0][0] - now if self._heap else None)
                    continue
                alarm = heapq.heappop(self._heap)[2]
            alarm.fired = True
            connection = alarm.connection
            if connection is not None:
                connection.shut_down()


class _Guarded:
    """What both connection classes share: sockets come from the guard and stand under the watch."""

    guard: Guard
    watch: Watch
    _twin: socket.socket | None = None

    def _new_conn(self: Any) -> socket.socket:
        wait_s = self.timeout if isinstance(self.timeout, int | float) else 5.0
        try:
            opened = self.guard.connect(self._dns_host, self.port, wait_s, self.socket_options)
        except socket.gaierror as error:
            raise urllib3.exceptions.NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise urllib3.exceptions.ConnectTimeoutError(self, str(error)) from error
        except OSError as error:
            raise urllib3.exceptions.NewConnectionError(self, str(error)) from error
        self._twin = opened.dup()  # still valid after TLS has taken the socket over
        self.watch.attach(self)
        return opened

    def request(self: Any, *args: Any, **kwargs: Any) -> None:
        if self._twin is not None:  # a connection used again
            self.watch.attach(self)
        super().request(*args, **kwargs)  # type: ignore[misc]

    def shut_down(self: Any) -> None:
        twin = self._twin
        if twin is not None:
            try:
                twin.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self: Any) -> None:
        super().close()  # type: ignore[misc]
        twin, self._twin = self._twin, None
        if twin is not None:
            twin.close()


@dataclass(frozen=True, slots=True)
class Opened:
    """A response whose body is not read yet, and what to do with its connection afterwards."""

    response: Any
    keep: Callable[[], None]
    """Use the connection again; the body must have been read."""
    drop: Callable[[], None]
    """Close the connection."""


class Connections:
    """A process's connections to the web or to a proxy: every socket guarded, watched, and kept alive."""

    def __init__(self, guard: Guard, watch: Watch, proxy: str | None, connections: int):
        kind: dict[str, Any] = {"guard": guard, "watch": watch}
        if proxy is not None:
            parts = urlsplit(proxy)
            kind["guard"] = _ProxyGuard(parts.hostname or "", parts.port or 80)
        http = type("GuardedHTTP", (_Guarded, HTTPConnection), kind)
        https = type("GuardedHTTPS", (_Guarded, HTTPSConnection), kind)
        sizes: dict[str, Any] = {"num_pools": 256, "maxsize": connections, "block": False}
        self.pool = urllib3.ProxyManager(proxy, **sizes) if proxy else urllib3.PoolManager(**sizes)
        """A urllib3 pool over the same kinds of connection."""
        self.pool.pool_classes_by_scheme = {
            "http": type("GuardedHTTPPool", (HTTPConnectionPool,), {"ConnectionCls": http}),
            "https": type("GuardedHTTPSPool", (HTTPSConnectionPool,), {"ConnectionCls": https}),
        }
        self._plain = _Plain(http, proxy)

    def get(self, url: str, headers: Mapping[str, str], connect_s: float, read_s: float) -> Opened:
        """Return the response to one GET. Raises what urllib3 raises, and Blocked."""
        if url.startswith("http://"):
            return self._plain.get(url, headers, connect_s)
        response = self.pool.urlopen(
            "GET",
            url,
            headers=headers,
            redirect=False,
            retries=False,
            preload_content=False,
            decode_content=False,
            timeout=urllib3.Timeout(connect=connect_s, read=read_s),
        )
        return Opened(response, response.release_conn, response.close)


class _Plain:
    """Plain HTTP without a pool's layers, which parse every URL three times: half the CPU for each link."""

    IDLE = 128
    """Connections kept at most while nobody uses them; the longest unused is closed first."""

    def __init__(self, kind: Any, proxy: str | None):
        self._kind, self._proxy = kind, urlsplit(proxy) if proxy else None
        self._idle: deque[tuple[tuple[str, int], Any]] = deque()
        self._lock = threading.Lock()

    def get(self, url: str, headers: Mapping[str, str], connect_s: float) -> Opened:
        _, _, netloc, target = url.split("/", 3)
        address = _address(self._proxy.netloc if self._proxy else netloc)
        request = _request(url if self._proxy else f"/{target}", {"Host": netloc, **headers})
        kept = self._taken(address)
        if kept is not None:
            try:
                return self._asked(kept, address, request)
            except _LET_GO:
                pass  # the server closed it while nobody used it; whether it had cannot be told without asking
        return self._asked(self._connected(address, connect_s), address, request)

    def _asked(self, connection: Any, address: tuple[str, int], request: bytes) -> Opened:
        connection.watch.attach(connection)
        response = http.client.HTTPResponse(connection.sock, method="GET")

        def drop() -> None:
            response.close()
            connection.close()

        try:
            connection.sock.sendall(request)
            response.begin()
        except BaseException:
            drop()
            raise
        return Opened(response, drop if response.will_close else lambda: self._keep(address, connection), drop)

    def _connected(self, address: tuple[str, int], connect_s: float) -> Any:
        connection = self._kind(*address, timeout=connect_s)
        try:
            connection.connect()
        except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError) as error:
            if self._proxy:
                raise urllib3.exceptions.ProxyError("Unable to connect to proxy", error) from error
            raise
        connection.sock.settimeout(None)  # the watch ends what takes too long; a timeout costs a poll for every read
        return connection

    def _taken(self, address: tuple[str, int]) -> Any:
        with self._lock:
            for place in range(len(self._idle) - 1, -1, -1):
                if self._idle[place][0] == address:
                    found = self._idle[place][1]
                    del self._idle[place]
                    return found
        return None

    def _keep(self, address: tuple[str, int], connection: Any) -> None:
        with self._lock:
            self._idle.append((address, connection))
            surplus = self._idle.popleft()[1] if len(self._idle) > self.IDLE else None
        if surplus is not None:
            surplus.close()


_LET_GO = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


def _request(target: str, headers: Mapping[str, str]) -> bytes:
    """The bytes of a GET. Raises LocationValueError or ValueError where one of its lines would be more than one."""
    if any(not " " < c < "\x7f" for c in target):
        raise urllib3.exceptions.LocationValueError(f"{target[:80]!r} holds characters that no request may hold")
    if any(c in value for value in headers.values() for c in "\r\n\0"):
        raise ValueError("a header would hold a line break")
    lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def _address(netloc: str) -> tuple[str, int]:
    host, colon, port = netloc.rpartition(":")
    if colon and port.isdigit():
        return host.strip("[]"), int(port)
    return netloc.strip("[]"), 80


class _ProxyGuard(Guard):
    """With a proxy the only socket goes to the proxy, which the owner named; URLs are still checked as text."""

    def __init__(self, host: str, port: int):
        super().__init__()
        self._proxy = (host, port)

    def connect(self, host: str, port: int, timeout_s: float, options: Iterable[tuple[Any, ...]]) -> socket.socket:
        if (host.strip("[]"), port) != self._proxy:
            raise Blocked(f"{host}:{port} is not the proxy")
        opened = socket.create_connection(self._proxy, timeout_s)
        for option in options or ():
            opened.setsockopt(*option)
        return opened
