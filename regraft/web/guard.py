"""Which addresses may be asked: checked on the resolved address itself, where the socket connects.

Checking a URL's text is not enough: a name may resolve to a private address, resolve differently a second
time, or redirect. So the text is checked for what text can tell, and `Guard.connect` checks every address
that it is about to connect to, and connects to that very address.
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

from regraft.web.urls import Blocked, literal

# Own ranges, because `ipaddress.is_global` differs between Python releases (CVE-2024-4032).
# https://www.iana.org/assignments/iana-ipv4-special-registry
PRIVATE_4 = [
    ipaddress.IPv4Network(net)
    for net in """0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
    192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24
    203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 168.63.129.16/32""".split()
]
# IPv6: only global unicast, less its holes: Teredo and other protocol assignments, documentation, 6to4, AS112.
GLOBAL_6 = ipaddress.IPv6Network("2000::/3")
PRIVATE_6 = [
    ipaddress.IPv6Network(net) for net in ["2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"]
]
LOCAL_NAMES = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "home.arpa")
# https://fetch.spec.whatwg.org/#port-blocking: ports where a request could be taken for another protocol.
BAD_PORTS = frozenset(
    map(
        int,
        """0 1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 113 115 117 119
    123 135 137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 540 548 554 556 563 587 601 636 989
    990 993 995 1719 1720 1723 2049 2375 2376 2379 3306 3389 3659 4045 4190 5060 5061 5432 6000 6379 6443 6566
    6665 6666 6667 6668 6669 6679 6697 9100 9200 10080 10250 11211 27017""".split(),
    )
)


def is_public(address: str) -> bool:
    """Tell whether an IP address may be connected to: global unicast, nothing mapped or translated."""
    ip = ipaddress.ip_address(address.split("%", 1)[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        return ip in GLOBAL_6 and not any(ip in net for net in PRIVATE_6)
    return not any(ip in net for net in PRIVATE_4)


Resolver = Callable[..., list[tuple[Any, ...]]]


class Guard:
    """The policy of one client: everything public, and a few exact (address, port) exemptions.

    `exemptions` are spelt "127.0.0.1:8000" or "[::1]:8000". The resolver can be given, for tests of rebinding.
    """

    def __init__(self, exemptions: Iterable[str] = (), resolver: Resolver = socket.getaddrinfo):
        self._exempt = {_pair(text) for text in exemptions}
        self._names = _Names(resolver)
        self._checked = lru_cache(4096)(self._check)

    def check(self, url: str) -> None:
        """Raise Blocked where the URL's own text names a private address, a local name or a bad port."""
        parts = urlsplit(url)
        self._checked(parts.scheme, parts.netloc)

    def _check(self, scheme: str, netloc: str) -> None:
        parts = urlsplit(f"{scheme}://{netloc}/")
        host = (parts.hostname or "").rstrip(".")
        port = {"https": 443}.get(parts.scheme, 80) if parts.port is None else parts.port
        address = literal(host)
        if address is not None:
            self._check_address(address, port)
        elif host in LOCAL_NAMES or host.endswith(tuple("." + name for name in LOCAL_NAMES)):
            raise Blocked(f"{host} is a local name")
        if port in BAD_PORTS and (address, port) not in self._exempt:
            raise Blocked(f"port {port} is not for the web")

    def connect(self, host: str, port: int, timeout_s: float, options: Iterable[tuple[Any, ...]]) -> socket.socket:
        """Return a socket connected to `host` within `timeout_s`, names included; the only place where one is opened.

        Raises Blocked if any of the name's addresses is private and not exempt, OSError if none answers.
        """
        end = time.monotonic() + timeout_s
        addresses = self._names.resolve(host.strip("[]"), port, timeout_s)
        for _, _, _, _, address in addresses:
            self._check_address(address[0], port)
        failure: OSError = OSError(f"{host} has no address")
        for family, kind, protocol, _, address in addresses[:3]:
            opened = socket.socket(family, kind, protocol)
            try:
                for option in options or ():
                    opened.setsockopt(*option)
                opened.settimeout(max(0.01, end - time.monotonic()))
                opened.connect(address)
                self._check_address(opened.getpeername()[0], port)
                return opened
            except OSError as error:
                opened.close()
                failure = error
            except Blocked:
                opened.close()
                raise
        raise failure

    def _check_address(self, address: str, port: int) -> None:
        plain = str(ipaddress.ip_address(address.split("%", 1)[0]))
        if (plain, port) not in self._exempt and not is_public(plain):
            raise Blocked(f"{plain} is not a public address")


def _pair(text: str) -> tuple[str | None, int]:
    host, _, port = text.rpartition(":")
    return str(ipaddress.ip_address(host.strip("[]"))), int(port)


class _Names:
    """Host names to addresses, in daemon threads: getaddrinfo cannot be interrupted, but it can be left behind."""

    def __init__(self, resolver: Resolver):
        self._resolver = resolver

    def resolve(self, host: str, port: int, timeout_s: float) -> list[tuple[Any, ...]]:
        """Raises TimeoutError after `timeout_s`, and whatever the resolver raises."""
        if literal(host) is not None:
            return self._resolver(host, port, 0, socket.SOCK_STREAM)
        answer: queue.Queue[Any] = queue.Queue(1)

        def ask() -> None:
            try:
                answer.put(self._resolver(host, port, 0, socket.SOCK_STREAM))
            except Exception as error:
                answer.put(error)

        threading.Thread(target=ask, daemon=True).start()
        try:
            found = answer.get(timeout=timeout_s)
        except queue.Empty:
            raise TimeoutError(f"resolving {host} took longer than {timeout_s:g} s") from None
        if isinstance(found, Exception):
            raise found
        return list(found)
