"""Hosts in the form in which they are requested: ASCII, in lower case, IP addresses in their usual notation."""

import ipaddress
import re
import socket
from functools import lru_cache
from urllib.parse import unquote_to_bytes

MAX_HOST_LENGTH, MAX_LABEL_LENGTH = 253, 63
"""RFC 1035, section 2.3.4, without the length bytes."""
FORBIDDEN = re.compile(r"[\x00-\x20\x7f\"#%'/:<>?@\[\\\]^`{|}]")
"""What no host may hold: https://url.spec.whatwg.org/#forbidden-domain-code-point, and quotes and braces."""
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""A last label that makes its host an IPv4 address: https://url.spec.whatwg.org/#ends-in-a-number-checker."""
PUNYCODE = "xn--"
"""What labels begin with that are not in ASCII: RFC 5890, section 2.3.2.1."""


@lru_cache(4096)
def ascii_host(text: str) -> str:
    """Return a URL's host as it is looked up; an IPv6 address without its brackets.

    Percent-encoding is undone, names become ASCII by IDNA 2008 after the mapping of UTS 46
    (https://www.unicode.org/reports/tr46/), and the many notations of an IPv4 address become a.b.c.d. Raises ValueError
    where the text is no host.
    """
    if text.startswith("["):
        return _ipv6(text)
    host = unquote_to_bytes(text).decode() if "%" in text else text
    host = (host if host.isascii() else _internationalised(host)).lower()
    if FORBIDDEN.search(host):
        raise ValueError(f"host {text!r}")
    labels = host.removesuffix(".").split(".")
    if NUMBER.fullmatch(labels[-1]):
        return ipv4_address(host.removesuffix("."))
    if len(host) > MAX_HOST_LENGTH + 1 or not all(0 < len(label) <= MAX_LABEL_LENGTH for label in labels):
        raise ValueError(f"host {text!r}")
    return host


def ipv4_address(host: str) -> str:
    """Return the IPv4 address that a text is, in whatever notation, as a.b.c.d. Raises ValueError.

    `inet_aton` decides, because the C library that connects would read those notations in the same way.
    """
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, UnicodeError):
        raise ValueError(f"host {host!r} is no IPv4 address") from None


def _internationalised(host: str) -> str:
    """A name in ASCII. Raises ValueError."""
    import idna  # its tables take 5 ms to import, and few hosts need them

    mapped = idna.uts46_remap(host, std3_rules=False, transitional=False)
    return ".".join(label if label.isascii() else _ascii_label(label) for label in mapped.split("."))


def _ascii_label(label: str) -> str:
    """A label in ASCII. Raises ValueError.

    Browsers take hyphens wherever they stand, and symbols such as ☃, which UTS 46 allows and IDNA 2008 does not.
    """
    import idna

    if label.startswith(PUNYCODE):
        raise ValueError(f"{label!r} is in ASCII, and is not")
    try:
        idna.check_label(label.replace("-", ""))
    except idna.InvalidCodepointContext:
        raise
    except idna.InvalidCodepoint:
        pass
    return PUNYCODE + label.encode("punycode").decode()


def _ipv6(text: str) -> str:
    if not text.endswith("]") or "%" in text:  # with a zone it is an address of this machine's network
        raise ValueError(f"host {text!r}")
    return str(ipaddress.IPv6Address(text[1:-1]))
