"""Which addresses may be requested: checked on the resolved address itself, where the socket connects.

Checking a URL's text is not enough: a name may resolve to a private address, resolve differently a second time, or
redirect. So the text is checked for what it shows, and `Guard.connect` checks every address that it is about to connect
to, and connects to that very address.
"""

import ipaddress
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from regraft.web.racing import AddressInfo, first_connected
from regraft.web.urls import DEFAULT_PORTS, Blocked, ip_address_of, scheme_and_server_of

# Listed here, because `ipaddress.is_global` differs between Python releases (CVE-2024-4032).
# https://www.iana.org/assignments/iana-ipv4-special-registry
PRIVATE_IPV4 = [
    ipaddress.IPv4Network(net)
    for net in """0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
    192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24
    203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 168.63.129.16/32""".split()
]
# In IPv6 only global unicast is public, except for Teredo and other protocol assignments, documentation, 6to4, AS112.
GLOBAL_IPV6 = ipaddress.IPv6Network("2000::/3")
PRIVATE_IPV6 = [
    ipaddress.IPv6Network(net) for net in ["2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"]
]
MIN_TIMEOUT_S = 0.01
LOCAL_NAMES = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "home.arpa")
# https://fetch.spec.whatwg.org/#port-blocking: ports where a request could be taken for another protocol.
BLOCKED_PORTS = frozenset(
    map(
        int,
        """0 1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 113 115 117 119
    123 135 137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 540 548 554 556 563 587 601 636 989
    990 993 995 1719 1720 1723 2049 2375 2376 2379 3306 3389 3659 4045 4190 5060 5061 5432 6000 6379 6443 6566
    6665 6666 6667 6668 6669 6679 6697 9100 9200 10080 10250 11211 27017""".split(),
    )
)


def is_public(address: str) -> bool:
    """Tell whether an IP address is open to everybody: global unicast, and neither mapped nor translated."""
    ip = ipaddress.ip_address(address.split("%", 1)[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        return ip in GLOBAL_IPV6 and not any(ip in net for net in PRIVATE_IPV6)
    return not any(ip in net for net in PRIVATE_IPV4)


Resolver = Callable[..., list[AddressInfo]]


class Guard:
    """What one client may request: everything public, and a few exact pairs of address and port.

    `exemptions` are such pairs, written "127.0.0.1:8000" or "[::1]:8000". `resolver` is what looks names up.
    """

    def __init__(self, exemptions: Iterable[str] = (), resolver: Resolver = socket.getaddrinfo):
        self._exempt = {_address_and_port(text) for text in exemptions}
        self._resolver = _BoundedResolver(resolver)
        self._checked = lru_cache(4096)(self._check)

    def check(self, url: str) -> None:
        """Raise Blocked where the URL's own text names a private address, a local name or a blocked port."""
        self._checked(*scheme_and_server_of(url))  # which is where it is connected to, see `connections`

    def _check(self, scheme: str, netloc: str) -> None:
        parts = urlsplit(f"{scheme}://{netloc}/")
        host = (parts.hostname or "").rstrip(".")
        port = DEFAULT_PORTS.get(parts.scheme, 80) if parts.port is None else parts.port
        address = ip_address_of(host)
        if address is not None:
            self._check_address(address, port)
        elif host in LOCAL_NAMES or host.endswith(tuple("." + name for name in LOCAL_NAMES)):
            raise Blocked(f"{host} is a local name")
        if port in BLOCKED_PORTS and (address, port) not in self._exempt:
            raise Blocked(f"port {port} is not for the web")

    def connect(self, host: str, port: int, timeout_s: float, options: Iterable[tuple[Any, ...]]) -> socket.socket:
        """Return a socket connected to `host` within `timeout_s`, looking up its name included.

        It is the only place where a socket to the web is opened. Raises Blocked if any of the name's addresses is
        private and not exempt, OSError if none answers.
        """
        end = time.monotonic() + timeout_s
        addresses = self._resolver.resolve(host.strip("[]"), port, timeout_s)
        if not addresses:
            raise OSError(f"{host} has no address")
        for _, _, _, _, address in addresses:
            self._check_address(address[0], port)
        connected = first_connected(addresses, max(MIN_TIMEOUT_S, end - time.monotonic()), options)
        try:
            self._check_address(connected.getpeername()[0], port)
        except BaseException:
            connected.close()
            raise
        return connected

    def _check_address(self, address: str, port: int) -> None:
        plain = str(ipaddress.ip_address(address.split("%", 1)[0]))
        if (plain, port) not in self._exempt and not is_public(plain):
            raise Blocked(f"{plain} is not a public address")


class ProxyGuard(Guard):
    """With a proxy the only socket goes to it, and the job's owner named it; URLs are still checked as text."""

    def __init__(self, host: str, port: int):
        super().__init__()
        self._proxy = (host, port)

    def connect(self, host: str, port: int, timeout_s: float, options: Iterable[tuple[Any, ...]]) -> socket.socket:
        """Return a socket connected to the proxy, see Guard. Raises Blocked for any other host."""
        if (host, port) != self._proxy:
            raise Blocked(f"{host}:{port} is not the proxy")
        return super().connect(host, port, timeout_s, options)

    def _check_address(self, address: str, port: int) -> None:
        """Let every address pass."""


def _address_and_port(text: str) -> tuple[str | None, int]:
    host, _, port = text.rpartition(":")
    return str(ipaddress.ip_address(host.strip("[]"))), int(port)


class _BoundedResolver:
    """Looks names up in daemon threads: getaddrinfo cannot be interrupted, but it can be left behind."""

    def __init__(self, resolver: Resolver):
        self._resolver = resolver

    def resolve(self, host: str, port: int, timeout_s: float) -> list[AddressInfo]:
        """Return a host's addresses. Raises TimeoutError after `timeout_s`, and whatever the resolver raises."""
        if ip_address_of(host) is not None:
            return self._resolver(host, port, 0, socket.SOCK_STREAM)
        result: queue.Queue[Any] = queue.Queue(1)

        def look_up() -> None:
            try:
                result.put(self._resolver(host, port, 0, socket.SOCK_STREAM))
            except Exception as error:
                result.put(error)

        threading.Thread(target=look_up, daemon=True).start()
        try:
            addresses = result.get(timeout=timeout_s)
        except queue.Empty:
            raise TimeoutError(f"looking up {host} took longer than {timeout_s:g} s") from None
        if isinstance(addresses, Exception):
            raise addresses
        return list(addresses)
