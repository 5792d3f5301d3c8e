"""Mementos: what a web archive has kept of a URL, https://www.rfc-editor.org/rfc/rfc7089.

An archive's TimeGate leads from a URL and a date to the memento nearest to that date. Nothing that it says is trusted:
a memento must carry its date, be of the URL that was asked for, and lie on the archive's own server.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import urlsplit

from regraft.identity import Url
from regraft.web.heads import Head, date_in
from regraft.web.urls import BadUrl, Blocked, host_and_port_of, normalised

STAMP = re.compile(r"/(\d{14})(?:[a-z]{2}_)?/(?=https?:)")
"""What comes before the URL in a memento's at archives that run Wayback or pywb: a time, and how it is changed."""
LINK = re.compile(r"<([^<>]*)>((?:\s*;\s*[^\s=;,]+(?:\s*=\s*(?:\"[^\"]*\"|[^\s;,\"]+))?)*)")
"""A link and its parameters in the field Link: https://www.rfc-editor.org/rfc/rfc8288, section 3."""
CLOCK_DIFFERENCE = timedelta(days=1)
"""By how much an archive's clock may be ahead of ours."""
OLDEST = datetime(1991, 8, 6, tzinfo=UTC)
"""The web's first day: no memento is older."""
RELATION = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]+))", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Memento:
    """What an answer's head says of the memento that it is."""

    at: datetime
    """When the archive took it."""
    original: str
    """The URL that it was taken from; "" where the archive does not say so."""


def memento_of(head: Head, now: datetime) -> Memento | None:
    """Return what a head says of the memento; None where it is no memento's, or has a date that cannot be true."""
    at = date_in(head.get("memento-datetime"))
    if at is None or not OLDEST <= at <= now + CLOCK_DIFFERENCE:
        return None
    return Memento(at, linked(head, "original"))


def accepted_datetime(near: date) -> str:
    """Return a day as a TimeGate is asked for it, in the field Accept-Datetime."""
    return format_datetime(datetime(near.year, near.month, near.day, tzinfo=UTC), usegmt=True)


def with_original_bytes(url: str) -> str:
    """Return the URL of the same memento as it was taken, without what archives write into pages; else the URL itself.

    Wayback and pywb have such a URL: https://pywb.readthedocs.io/en/latest/manual/rewriter.html.
    """
    return STAMP.sub(r"/\1id_/", url, count=1)


def is_of_archive(url: str, archive: str) -> bool:
    """Return whether a URL lies on an archive's own server."""
    return host_and_port_of(url) == host_and_port_of(archive)


def flaw(memento: Memento | None, memento_url: str, url: str) -> str:
    """Return why an answer from `memento_url` is not a memento of a URL, for people; "" where it is."""
    if memento is None:
        return "the archive's answer is no memento: it has no Memento-Datetime that can be true"
    stamp = STAMP.search(memento_url)
    original = memento.original or (memento_url[stamp.end() :] if stamp else "")
    if not original:
        return "the archive does not say which URL its memento is of"
    return "" if _same(original, url) else f"the archive answers with a memento of another URL: {original}"[:200]


def linked(head: Head, relation: str) -> str:
    """Return the target of a head's first link with a relation, such as `original` or `memento`; "" for none."""
    for field in head.fields.get("link", ()):
        for link in LINK.finditer(field):
            relations = RELATION.search(link[2])
            if relations and relation in (relations[1] or relations[2]).lower().split():
                return link[1]
    return ""


def _same(first: str, second: str) -> bool:
    """Whether two URLs are one to an archive, which passes over the scheme, `www.` and upper case in the host."""
    try:
        return _plain(first) == _plain(second)
    except (BadUrl, Blocked):
        return False


def _plain(url: str) -> tuple[str, str, str]:
    parts = urlsplit(normalised(Url(url)))
    return parts.netloc.removeprefix("www."), parts.path, parts.query
