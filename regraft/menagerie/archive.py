"""The menagerie's web archive: what it has kept of links that are dead today, and how it lies about some of them.

It speaks Memento, https://www.rfc-editor.org/rfc/rfc7089: its TimeGate leads from a URL and a date to the memento
nearest to that date. Of a link that it knows it has two: from when the link lived, and from when it had died.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from regraft.menagerie.odd_pictures import unavailable_png
from regraft.menagerie.pages import SORRY, WELCOME, Page
from regraft.menagerie.weighted import Weighted

TIMEGATE = "http://archive.savanna.example/web/"
"""The archive's TimeGate, to which a link's URL is added."""
ALIVE_AT, DEAD_AT = datetime(2009, 8, 21, 10, tzinfo=UTC), datetime(2014, 3, 2, 4, 30, tzinfo=UTC)
"""When the archive passed by: the link lived, and the link had died."""
STAMP = "%Y%m%d%H%M%S"
"""How a memento's URL has its time."""
ORIGINAL = "id_"
"""What follows the time in the URL of a memento's bytes as they were taken; the usual URL shows them on a page."""
IMPOSSIBLE_DATE = "Sun, 21 Aug 2109 10:00:00 GMT"
BANNER = b"<!doctype html><title>Kept by the archive</title><p>You are looking at a page of long ago."


class Kept(Weighted):
    """What the archive has of a dead link, from when it lived."""

    PHOTO = "photo", 60
    """The picture."""
    BUSY = "busy", 3
    """The picture, after a 429 to the first who asks."""
    NOTHING = "nothing", 25
    """Nothing: the archive never passed by."""
    SOFT_404 = "soft_404", 3
    """A page that says sorry, with status 200: the link had died already."""
    PLACEHOLDER = "placeholder", 3
    """The picture that hosts show in place of photos that are gone."""
    WRONG_DATE = "wrong_date", 3
    """The picture, dated in the future."""
    OTHER_LINK = "other_link", 3
    """The picture, which is said to be another link's."""


class Archive:
    """What the archive has kept of some links, drawn by a seed; `bytes_of` has the pictures that they once showed."""

    def __init__(self, urls: Sequence[str], seed: int, bytes_of: Callable[[str], bytes]):
        dice = random.Random(f"{seed}/archive")
        kinds = [*Kept, *dice.choices([*Kept], [kept.weight for kept in Kept], k=max(0, len(urls) - len(Kept)))]
        dice.shuffle(kinds)
        self.kept: dict[str, Kept] = dict(zip(urls, kinds, strict=False))
        """What it has, by URL."""
        self._bytes_of = bytes_of
        self._were_put_off: set[str] = set()

    def page(self, path: str, accept_datetime: str = "") -> Page:
        """Return what it answers to a URL's part after the TimeGate's, and to the field Accept-Datetime."""
        stamp, _, url = path.partition("/")
        is_original = stamp.endswith(ORIGINAL)
        for at in (ALIVE_AT, DEAD_AT):
            if stamp.removesuffix(ORIGINAL) == at.strftime(STAMP):
                return self._memento(url, at, is_original)
        return self._nearest(path, accept_datetime)

    def _nearest(self, url: str, accept_datetime: str) -> Page:
        """The TimeGate's answer: the way to a memento, RFC 7089, section 4.1."""
        if self.kept.get(url, Kept.NOTHING) is Kept.NOTHING:
            return Page(status=404, body=SORRY)
        try:
            near = parsedate_to_datetime(accept_datetime) if accept_datetime else DEAD_AT
        except ValueError:
            return Page(status=400, body=SORRY)
        if self.kept[url] is Kept.BUSY and url not in self._were_put_off:
            self._were_put_off.add(url)
            return Page(status=429, body=SORRY, headers={"Retry-After": "0"})
        at = min((ALIVE_AT, DEAD_AT), key=lambda at: abs(at - near))
        headers = {"Location": _memento_url(url, at), "Vary": "accept-datetime", "Link": _original(url)}
        return Page(status=302, headers=headers)

    def _memento(self, url: str, at: datetime, is_original: bool) -> Page:
        """The memento of a time: as it was taken, or on a page of the archive's own."""
        kept = self.kept.get(url, Kept.NOTHING)
        if kept is Kept.NOTHING:
            return Page(status=404, body=SORRY)
        original = url if kept is not Kept.OTHER_LINK else f"{url}.html"
        links = f'{_original(original)}, <{TIMEGATE}{url}>; rel="timegate"'
        date = format_datetime(at, usegmt=True) if kept is not Kept.WRONG_DATE else IMPOSSIBLE_DATE
        headers = {"Memento-Datetime": date, "Link": links}
        if not is_original:
            return Page(body=BANNER, headers=headers)
        if at == DEAD_AT or kept is Kept.SOFT_404:
            return Page(body=WELCOME, headers=headers)
        return self._picture(url, kept, headers)

    def _picture(self, url: str, kept: Kept, headers: Mapping[str, str]) -> Page:
        if kept is Kept.PLACEHOLDER:
            return Page(body=unavailable_png(), content_type="image/png", headers=headers)
        return Page(body=self._bytes_of(url), content_type="image/jpeg", headers=headers)


def _memento_url(url: str, at: datetime) -> str:
    return f"{TIMEGATE}{at.strftime(STAMP)}/{url}"


def _original(url: str) -> str:
    """The link to what a memento was taken from, as the field Link has it."""
    return f'<{url}>; rel="original"'
