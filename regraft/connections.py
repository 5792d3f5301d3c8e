"""Connections that a hostile server cannot hold: opened by the guard, ended by a watch when their time is up."""

import heapq
import itertools
import socket
import threading
import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from regraft.guard import Blocked, Guard


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


def guarded_pool(guard: Guard, watch: Watch, proxy: str | None, connections: int) -> Any:
    """Return a urllib3 pool, to the web or to a proxy, whose every socket is guarded and watched."""
    kind = {"guard": guard, "watch": watch}
    if proxy is not None:
        parts = urlsplit(proxy)
        kind["guard"] = _ProxyGuard(parts.hostname or "", parts.port or 80)
    http = type("GuardedHTTP", (_Guarded, HTTPConnection), kind)
    https = type("GuardedHTTPS", (_Guarded, HTTPSConnection), kind)
    sizes: dict[str, Any] = {"num_pools": 256, "maxsize": connections, "block": False}
    pool = urllib3.ProxyManager(proxy, **sizes) if proxy else urllib3.PoolManager(**sizes)
    pool.pool_classes_by_scheme = {
        "http": type("GuardedHTTPPool", (HTTPConnectionPool,), {"ConnectionCls": http}),
        "https": type("GuardedHTTPSPool", (HTTPSConnectionPool,), {"ConnectionCls": https}),
    }
    return pool


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


class GuardedAdapter(HTTPAdapter):
    """A requests adapter over a guarded pool; its methods are those that requests calls."""

    def __init__(self, pool: Any):
        self._guarded = pool
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        self.poolmanager = self._guarded

    def get_connection_with_tls_context(self, request: Any, verify: Any, proxies: Any = None, cert: Any = None) -> Any:
        return self._guarded.connection_from_url(request.url)

    def request_url(self, request: Any, proxies: Any) -> str:
        if self._guarded.proxy is not None and request.url.startswith("http:"):
            return str(request.url)
        return str(request.path_url)
