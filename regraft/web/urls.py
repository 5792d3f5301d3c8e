"""URLs: the form in which they are requested, and the hosts in them.

They are read as browsers read them, https://url.spec.whatwg.org/, because that is where people copy them from.
"""

import ipaddress
import re
from functools import lru_cache
from urllib.parse import quote, urlsplit

from regraft.identity import Host, Url
from regraft.web.hosts import ascii_host, ipv4_address

MAX_URL_LENGTH = 8000
"""What all programs of the web should take: https://www.rfc-editor.org/rfc/rfc9110#section-4.1."""
DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_PORT = 65535
PATH_CHARACTERS = "/:@!$&'()*+,;=~%[]"
"""What stays as it is in a path; everything else that is not a letter or digit is percent-encoded.

Browsers send `|`, and in queries `{}^` and some others, as they are, which RFC 3986 does not allow: some servers answer
400, and none reads them otherwise.
"""
QUERY_CHARACTERS = PATH_CHARACTERS + "?"
CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")
PLAIN_HOST = re.compile(r"https?://((?P<host>[A-Za-z0-9.-]+)(?::\d*)?)(?:[/?#]|\Z)")
"""The beginning of most URLs, whose host and port are seen at once: `urlsplit` takes ten times as long."""
PLAIN_HOST_RE2 = r"^https?://[A-Za-z0-9.-]+(:[0-9]*)?([/?#]|$)"
"""The same for Arrow, whose regular expressions are RE2's."""
SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):")
AFTER_SCHEME = re.compile(r"[/\\]*([^/\\?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?", re.DOTALL)
"""An authority, a path and a query. However many slashes there are before a host, it is the host."""
AUTHORITY = re.compile(r"(\[[^\]]*\]|[^:]*)(?::([0-9]*))?")
"""A host and a port."""
SAFE = r"\w.~\-" + re.escape(PATH_CHARACTERS.replace("/", ""))
PLAIN_URL = re.compile(rf"(https?)://([a-z0-9.:-]+)(?:/(?!\.|%2)[{SAFE}]*)+(?:\?[{SAFE}/?]*)?", re.ASCII)
"""A URL of which only the host and the port may have to be written anew, as nearly all are."""
NO_HOST = Host("?")
"""The host of what is no URL."""
TWO_SLASHES = re.compile(r"[/\\]{2}")
BEFORE_QUERY = re.compile(r"[^?#]*")
BLANKS = "".join(map(chr, range(0x21)))


class Blocked(Exception):
    """The URL or address must not be requested."""


class BadUrl(Exception):
    """The text is no http(s) URL."""


def normalised(url: str) -> Url:
    """Return a URL as it is requested: in ASCII, its host in lower case, without dot segments or a fragment.

    An internationalised host becomes IDNA, everything else that needs it is percent-encoded, and backslashes in the
    path are slashes. A normalised URL stays as it is. Raises BadUrl where the text is no http(s) URL with a host, is
    longer than 8,000 characters, or holds control characters; Blocked where it carries a user name or a password.
    """
    plain = PLAIN_URL.fullmatch(url)
    if plain and len(url) <= MAX_URL_LENGTH and _netloc(plain[2], DEFAULT_PORTS[plain[1]]) == plain[2]:
        return Url(url)
    if CONTROL_CHARACTER.search(url):
        raise BadUrl("control character")
    start = SCHEME.match(url)
    scheme = start[1].lower() if start else ""
    if start is None or scheme not in DEFAULT_PORTS:
        raise BadUrl(f"scheme {scheme!r}, not http or https")
    parts = AFTER_SCHEME.fullmatch(url, start.end())
    if parts is None:  # never: the pattern takes any text
        raise BadUrl("no host")
    authority, path, query = parts[1], parts[2].replace("\\", "/") or "/", parts[3] or ""
    if parts[2].startswith("\\") and "@" in parts[2].split("/")[0]:
        raise BadUrl("a backslash before an @: programs differ in what they take for the host")
    ascii_url = (
        f"{scheme}://{_netloc(authority, DEFAULT_PORTS[scheme])}"
        + quote(_without_dots(path), safe=PATH_CHARACTERS, errors="replace")
        + quote(query, safe=QUERY_CHARACTERS, errors="replace")
    )
    if len(ascii_url) > MAX_URL_LENGTH:
        raise BadUrl(f"longer than {MAX_URL_LENGTH} characters")
    return Url(ascii_url)


def redirected(url: str, location: str) -> Url:
    """Return where a redirect from a normalised URL leads, normalised; `location` is the header, read as latin-1.

    Bytes that are not ASCII mean UTF-8 where they are UTF-8, and stay the bytes that they are otherwise. Raises BadUrl
    and Blocked.
    """
    scheme, _, _ = url.partition(":")
    reference = _text(location.encode("latin-1", "replace")).strip(BLANKS).replace("\t", "")
    reference = CONTROL_CHARACTER.sub(lambda character: quote(character[0]), reference)
    start = SCHEME.match(reference)
    if start and start[1].lower() != scheme:
        return normalised(reference)
    if start:
        reference = reference[start.end() :]  # `http:x.jpg` is relative where the redirect comes from http
    if TWO_SLASHES.match(reference):
        return normalised(f"{scheme}:{reference}")
    return normalised(_resolved(url, BEFORE_QUERY.sub(lambda path: path[0].replace("\\", "/"), reference, count=1)))


def ip_address_of(host: str) -> str | None:
    """Return the IP address that a host is, in any notation (0x7f.1, 2130706433, [::1] ...), or None for a name."""
    host = host.strip("[]")
    try:
        return str(ipaddress.ip_address(host.split("%", 1)[0]))
    except ValueError:
        pass
    try:
        return ipv4_address(host)
    except ValueError:
        return None


def host_of(url: str) -> Host:
    """Return a URL's host in lower case, without its port; NO_HOST where it has none."""
    if plain := PLAIN_HOST.match(url):
        return Host(plain["host"].lower())
    try:
        return Host(urlsplit(url).hostname or NO_HOST)
    except ValueError:
        return NO_HOST


def requested_host_of(url: str) -> Host:
    """Return the host that a URL is requested from, however the URL writes it; NO_HOST where it is refused."""
    if plain := PLAIN_HOST.match(url):
        return Host(plain["host"].lower())
    try:
        return host_of(normalised(url))
    except (BadUrl, Blocked):
        return NO_HOST


def spellings_of_host(host: str) -> set[str]:
    """Return the texts that a host may have in URLs: in lower case as it is written, and as it is requested."""
    name = host.lower().rstrip(".")
    return {name, requested_host_of(f"http://{name}/")} - {NO_HOST, ""}


def scheme_and_server_of(url: str) -> tuple[str, str]:
    """Return the scheme of a URL that is normalised, and its host and port as the URL has them."""
    scheme, _, rest = url.partition("://")
    return scheme, rest.partition("/")[0]


def host_and_port_of(url: str) -> str:
    """Return a URL's host and port in lower case, as the URL has them: the server to be polite to. "" for none."""
    if plain := PLAIN_HOST.match(url):
        return plain[1].lower()
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""


def requested_host_and_port_of(url: str) -> str:
    """Return the host and port that a URL is requested from, however the URL writes them; "" where it is refused."""
    try:
        return host_and_port_of(normalised(url))
    except (BadUrl, Blocked):
        return ""


@lru_cache(4096)
def _netloc(authority: str, default_port: int) -> str:
    """The host and, if need be, the port. Raises BadUrl, and Blocked where there are credentials."""
    if "@" in authority:
        raise Blocked("credentials in the URL")
    parts = AUTHORITY.fullmatch(authority)
    if parts is None or not parts[1]:
        raise BadUrl("no host" if not authority else f"{authority!r} is no host and port")
    port = int(parts[2].lstrip("0")[:9] or "0") if parts[2] else default_port
    if port > MAX_PORT:
        raise BadUrl(f"port {port}")
    try:
        host = ascii_host(parts[1])
    except ValueError as error:
        raise BadUrl(str(error)) from error
    netloc = f"[{host}]" if ":" in host else host
    return netloc if port == default_port else f"{netloc}:{port}"


def _resolved(url: str, reference: str) -> str:
    """Where a reference without scheme and host leads from a normalised URL, which may still have dot segments.

    https://url.spec.whatwg.org/#relative-state; `urljoin` would make one slash of several in a row.
    """
    path = url.partition("?")[0]
    match reference[:1]:
        case "" | "#":
            return url
        case "?":
            return path + reference
        case "/":
            scheme, server = scheme_and_server_of(url)
            return f"{scheme}://{server}{reference}"
        case _:
            return path[: path.rindex("/") + 1] + reference


def _without_dots(path: str) -> str:
    """A path without segments that mean this folder or the one above."""
    if "/." not in path and "/%2" not in path:
        return path
    kept: list[str] = []
    dots = ""
    for segment in path.split("/")[1:]:
        dots = segment.lower().replace("%2e", ".")
        if dots == "..":
            kept = kept[:-1]
        elif dots != ".":
            kept.append(segment)
    return "/" + "/".join(kept) + ("/" if dots in (".", "..") and kept else "")


def _text(header: bytes) -> str:
    try:
        return header.decode()
    except UnicodeDecodeError:
        return quote(header, safe=bytes(range(0x80)))
