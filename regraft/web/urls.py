"""URLs: the form in which they are requested, and the hosts in them."""

import ipaddress
import socket
from urllib.parse import SplitResult, quote, urlsplit

from regraft.identity import Host, Url

MAX_URL_LENGTH = 2048
DEFAULT_PORTS = {"http": 80, "https": 443}
PATH_CHARACTERS = "/:@!$&'()*+,;=~%[]"
"""What stays as it is in a path; everything else that is not a letter or digit is percent-encoded."""
QUERY_CHARACTERS = PATH_CHARACTERS + "?"


class Blocked(Exception):
    """The URL or address must not be requested. Not an OSError: urllib3 would wrap it, and the reason be lost."""


class BadUrl(Exception):
    """The text is no http(s) URL."""


def normalised(url: str) -> Url:
    """Return a URL in ASCII: an internationalised host in IDNA, everything else that needs it percent-encoded.

    A normalised URL stays as it is. Raises BadUrl where the text is no http(s) URL with a host, is longer than 2,048
    characters, or holds control characters; Blocked where it carries a user name or a password.
    """
    parts = _parsed(url)
    scheme, host = parts.scheme.lower(), _ascii_host(parts)
    netloc = f"[{host}]" if ":" in host else host
    if parts.port is not None and parts.port != DEFAULT_PORTS[scheme]:
        netloc += f":{parts.port}"
    path = quote(parts.path.replace("\\", "%5C") or "/", safe=PATH_CHARACTERS)
    query = "?" + quote(parts.query, safe=QUERY_CHARACTERS) if parts.query else ""
    ascii_url = f"{scheme}://{netloc}{path}{query}"
    if len(ascii_url) > MAX_URL_LENGTH:
        raise BadUrl(f"longer than {MAX_URL_LENGTH} characters")
    return Url(ascii_url)


def ip_address_of(host: str) -> str | None:
    """Return the IP address that a host is, in whatever notation (0x7f.1, 2130706433, [::1] ...), or None for a name.

    `inet_aton` decides, because the C library that connects would read those notations in the same way.
    """
    host = host.strip("[]")
    try:
        return str(ipaddress.ip_address(host.split("%", 1)[0]))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return None


def host_of(url: str) -> Host:
    """Return a URL's host in lower case, without its port; "?" where it has none."""
    try:
        return Host(urlsplit(url).hostname or "?")
    except ValueError:
        return Host("?")


def host_and_port_of(url: str) -> str:
    """Return a URL's host and port in lower case, as the URL has them: the server to be polite to. "" for none."""
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""


def _parsed(url: str) -> SplitResult:
    """The parts of an http(s) URL that carries no credentials. Raises BadUrl or Blocked."""
    if any(ord(c) < 0x20 or ord(c) == 0x7F for c in url):
        raise BadUrl("control character")
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and "\\" not in parts.netloc
        _ = parts.port  # raises ValueError where it is no number
    except ValueError as error:
        raise BadUrl(str(error)) from error
    if parts.scheme.lower() not in DEFAULT_PORTS:
        raise BadUrl(f"scheme {parts.scheme!r}, not http or https")
    if parts.username is not None or parts.password is not None:
        raise Blocked("credentials in the URL")
    if not has_host:
        raise BadUrl("no host")
    return parts


def _ascii_host(parts: SplitResult) -> str:
    """The host in ASCII, with its letters' case as the URL has it. Raises BadUrl."""
    host = parts.hostname or ""
    start = parts.netloc.lower().find(host)  # `hostname` is in lower case
    host = parts.netloc[start : start + len(host)] if start >= 0 else host
    try:
        ascii_host = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise BadUrl(f"host {host!r}") from error
    if any(c in " %<>\"'`{}|^" for c in ascii_host):
        raise BadUrl(f"host {host!r}")
    return ascii_host
