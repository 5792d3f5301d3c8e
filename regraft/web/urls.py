"""URLs as lists spell them, and as they are asked for."""

import ipaddress
import socket
from urllib.parse import quote, urlsplit

MAX_URL = 2048


class Blocked(Exception):
    """An address or a URL that must not be asked. Not an OSError: urllib3 would wrap it, and the reason be lost."""


class BadUrl(Exception):
    """A text that is no http(s) URL."""


def spelt(url: str) -> str:
    """Return a URL in ASCII: an internationalised host in IDNA, everything else that needs it percent-encoded.

    Raises BadUrl where the text is no http(s) URL with a host, is longer than 2,048 characters, or holds control
    characters; Blocked where it carries credentials.
    """
    if any(ord(c) < 0x20 or ord(c) == 0x7F for c in url):
        raise BadUrl("control character")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BadUrl(str(error)) from error
    if parts.scheme.lower() not in ("http", "https"):
        raise BadUrl(f"scheme {parts.scheme!r}, not http or https")
    if parts.username is not None or parts.password is not None:
        raise Blocked("credentials in the URL")
    if not host or "\\" in parts.netloc:
        raise BadUrl("no host")
    at = parts.netloc.lower().find(host)  # `hostname` is in lower case; a URL is asked for as its list spells it
    host = parts.netloc[at : at + len(host)] if at >= 0 else host
    try:
        ascii_host = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise BadUrl(f"host {host!r}") from error
    if any(c in " %<>\"'`{}|^" for c in ascii_host):
        raise BadUrl(f"host {host!r}")
    netloc = f"[{ascii_host}]" if ":" in ascii_host else ascii_host
    if port is not None and port != {"http": 80, "https": 443}[parts.scheme.lower()]:
        netloc += f":{port}"
    path = quote(parts.path.replace("\\", "%5C") or "/", safe="/:@!$&'()*+,;=~%[]")
    query = "?" + quote(parts.query, safe="/?:@!$&'()*+,;=~%[]") if parts.query else ""
    ascii_url = f"{parts.scheme.lower()}://{netloc}{path}{query}"
    if len(ascii_url) > MAX_URL:
        raise BadUrl(f"longer than {MAX_URL} characters")
    return ascii_url


def literal(host: str) -> str | None:
    """Return the IP address that a host is another spelling of (0x7f.1, 2130706433, [::1] ...), or None.

    `inet_aton` is asked because the C library would read those spellings the same way.
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


def host_of(url: str) -> str:
    """Return a URL's host, or "?" where it has none."""
    try:
        return urlsplit(url).hostname or "?"
    except ValueError:
        return "?"
