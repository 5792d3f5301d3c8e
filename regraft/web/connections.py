"""Connections that a hostile server cannot hold: opened by the guard, ended by the watch when their time is up."""

import socket
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from regraft.web.deadlines import Watch
from regraft.web.guard import Guard
from regraft.web.plain_http import OpenResponse, PlainHttp
from regraft.web.urls import Blocked

MAX_POOLS = 256
"""Hosts whose https connections are kept at most."""
DEFAULT_CONNECT_S = 5.0


class _Guarded:
    """What both connection classes share: the guard opens their sockets, and the watch ends them."""

    guard: Guard
    watch: Watch
    _twin: socket.socket | None = None
    """A duplicate of the socket, which can still be shut down after TLS has taken the socket over."""

    def _new_conn(self: Any) -> socket.socket:
        connect_s = self.timeout if isinstance(self.timeout, int | float) else DEFAULT_CONNECT_S
        try:
            connected = self.guard.connect(self._dns_host, self.port, connect_s, self.socket_options)
        except socket.gaierror as error:
            raise urllib3.exceptions.NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise urllib3.exceptions.ConnectTimeoutError(self, str(error)) from error
        except OSError as error:
            raise urllib3.exceptions.NewConnectionError(self, str(error)) from error
        self._twin = connected.dup()
        self.watch.attach(self)
        return connected

    def request(self: Any, *args: Any, **kwargs: Any) -> None:
        if self._twin is not None:  # the connection is used again
            self.watch.attach(self)
        super().request(*args, **kwargs)  # type: ignore[misc]

    def shut_down(self: Any) -> None:
        twin = self._twin
        if twin is not None:
            try:
                twin.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it is closed already

    def close(self: Any) -> None:
        super().close()  # type: ignore[misc]
        twin, self._twin = self._twin, None
        if twin is not None:
            twin.close()


class Connections:
    """A process's connections to the web or to a proxy: every socket guarded, watched, and kept alive."""

    def __init__(self, guard: Guard, watch: Watch, proxy: str | None, connections: int):
        shared: dict[str, Any] = {"guard": guard if proxy is None else _ProxyGuard(proxy), "watch": watch}
        http = type("GuardedHTTP", (_Guarded, HTTPConnection), shared)
        https = type("GuardedHTTPS", (_Guarded, HTTPSConnection), shared)
        sizes: dict[str, Any] = {"num_pools": MAX_POOLS, "maxsize": connections, "block": False}
        self._pool = urllib3.ProxyManager(proxy, **sizes) if proxy else urllib3.PoolManager(**sizes)
        self._pool.pool_classes_by_scheme = {
            "http": type("GuardedHTTPPool", (HTTPConnectionPool,), {"ConnectionCls": http}),
            "https": type("GuardedHTTPSPool", (HTTPSConnectionPool,), {"ConnectionCls": https}),
        }
        self._plain = PlainHttp(http, proxy)

    def get(self, url: str, headers: Mapping[str, str], connect_s: float, read_s: float) -> OpenResponse:
        """Return the response to one GET. Raises what urllib3 and http.client raise, and Blocked."""
        if url.startswith("http://"):
            return self._plain.get(url, headers, connect_s)
        response = self._pool.urlopen(
            "GET",
            url,
            headers=headers,
            redirect=False,
            retries=False,
            preload_content=False,
            decode_content=False,
            timeout=urllib3.Timeout(connect=connect_s, read=read_s),
        )
        return OpenResponse(response, response.release_conn, response.close)


class _ProxyGuard(Guard):
    """With a proxy the only socket goes to the proxy, which the job's owner named; URLs are still checked as text."""

    def __init__(self, proxy: str):
        super().__init__()
        parts = urlsplit(proxy)
        self._proxy = (parts.hostname or "", parts.port or 80)

    def connect(self, host: str, port: int, timeout_s: float, options: Iterable[tuple[Any, ...]]) -> socket.socket:
        if (host.strip("[]"), port) != self._proxy:
            raise Blocked(f"{host}:{port} is not the proxy")
        connected = socket.create_connection(self._proxy, timeout_s)
        for option in options or ():
            connected.setsockopt(*option)
        return connected
