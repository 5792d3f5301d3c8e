"""Plain HTTP without a pool's layers, which parse every URL three times: half the CPU for each link."""

import http.client
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import urllib3

MAX_IDLE = 128
"""Connections that are kept for later at most; the one that was unused for longest is closed first."""
CLOSED_BY_SERVER = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


@dataclass(frozen=True, slots=True)
class OpenResponse:
    """A response whose body is not read yet, and what to do with its connection afterwards."""

    response: Any
    """An `http.client.HTTPResponse`, or urllib3's like."""
    keep: Callable[[], None]
    """Keeps the connection for another request; the body must have been read."""
    drop: Callable[[], None]
    """Closes the connection."""


class PlainHttp:
    """Connections over plain HTTP to the web or to a proxy, kept alive."""

    def __init__(self, connection_class: Any, proxy: str | None):
        self._connection_class, self._proxy = connection_class, urlsplit(proxy) if proxy else None
        self._idle: deque[tuple[tuple[str, int], Any]] = deque()
        self._lock = threading.Lock()

    def get(self, url: str, headers: Mapping[str, str], connect_s: float) -> OpenResponse:
        """Return the response to one GET. Raises what urllib3 and http.client raise, and Blocked."""
        _, _, netloc, path = url.split("/", 3)
        address = _host_and_port(self._proxy.netloc if self._proxy else netloc)
        request = _request_bytes(url if self._proxy else f"/{path}", {"Host": netloc, **headers})
        idle = self._take_idle(address)
        if idle is not None:
            try:
                return self._send(idle, address, request)
            except CLOSED_BY_SERVER:
                pass  # while nobody used it; only sending a request shows whether it is
        return self._send(self._connect(address, connect_s), address, request)

    def _send(self, connection: Any, address: tuple[str, int], request: bytes) -> OpenResponse:
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
        keep = drop if response.will_close else lambda: self._keep_idle(address, connection)
        return OpenResponse(response, keep, drop)

    def _connect(self, address: tuple[str, int], connect_s: float) -> Any:
        connection = self._connection_class(*address, timeout=connect_s)
        try:
            connection.connect()
        except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError) as error:
            if self._proxy:
                raise urllib3.exceptions.ProxyError("Unable to connect to proxy", error) from error
            raise
        connection.sock.settimeout(None)  # the watch ends what takes too long; a timeout costs a poll for every read
        return connection

    def _take_idle(self, address: tuple[str, int]) -> Any:
        """A kept connection to an address, the one last used; None where there is none."""
        with self._lock:
            for place in range(len(self._idle) - 1, -1, -1):
                if self._idle[place][0] == address:
                    connection = self._idle[place][1]
                    del self._idle[place]
                    return connection
        return None

    def _keep_idle(self, address: tuple[str, int], connection: Any) -> None:
        with self._lock:
            self._idle.append((address, connection))
            surplus = self._idle.popleft()[1] if len(self._idle) > MAX_IDLE else None
        if surplus is not None:
            surplus.close()


def _request_bytes(target: str, headers: Mapping[str, str]) -> bytes:
    """The bytes of a GET. Raises LocationValueError or ValueError where one of its lines would be more than one."""
    if any(not " " < c < "\x7f" for c in target):
        raise urllib3.exceptions.LocationValueError(f"{target[:80]!r} holds characters that no request may hold")
    if any(c in value for value in headers.values() for c in "\r\n\0"):
        raise ValueError("a header would hold a line break")
    lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def _host_and_port(netloc: str) -> tuple[str, int]:
    host, colon, port = netloc.rpartition(":")
    if colon and port.isdigit():
        return host.strip("[]"), int(port)
    return netloc.strip("[]"), 80
