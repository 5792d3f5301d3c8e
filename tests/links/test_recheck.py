"""When a link is fetched again, and what its server is told of what is known."""

from itertools import pairwise

import pytest

from regraft.identity import Url
from regraft.links.findings import NO_DIGEST, Finding, Request
from regraft.links.recheck import is_due, requests
from regraft.verdicts import Reason
from tests.links.checks import DAY, FIRST_DAY, LINK, PHOTO, memories


def checks(reason: str, days: int = 200) -> list[int]:
    """The days on which a nightly run fetches a link that died on day 0."""
    checked = [0]
    for day in range(1, days):
        if is_due(reason, FIRST_DAY + checked[-1] * DAY, FIRST_DAY, FIRST_DAY + day * DAY):
            checked.append(day)
    return checked


def test_dead_links_are_asked_ever_more_rarely_and_gone_ones_more_rarely_than_late_ones() -> None:
    gone, timeout = checks("gone"), checks("timeout")
    assert gone[:6] == [0, 1, 2, 4, 8, 16]
    assert len(timeout) > 2 * len(gone)
    assert max(b - a for a, b in pairwise(gone)) == 30
    assert max(b - a for a, b in pairwise(timeout)) == 7


@pytest.mark.parametrize("reason", ["", "not_an_image", "blocked", "bad_url"])
def test_what_is_not_dead_or_costs_nothing_is_always_asked(reason: str) -> None:
    dead_since = FIRST_DAY - 99 * DAY if reason in ("blocked", "bad_url") else None
    assert is_due(reason, FIRST_DAY, dead_since, FIRST_DAY)


def test_requests_are_conditional_for_pictures_and_for_lasting_junk() -> None:
    page = Finding(url=LINK, reason=Reason.NOT_AN_IMAGE, etag="e")
    small = Finding(url=LINK, reason=Reason.TOO_SMALL, etag="e")
    assert requests([LINK], memories(PHOTO)[-1], {PHOTO.digest}) == [Request(LINK, "e", "", PHOTO.digest)]
    assert requests([LINK], memories(PHOTO)[-1], ()) == [Request(LINK)], "its picture is gone from the store"
    assert requests([LINK], memories(page)[-1], ()) == [Request(LINK, "e", "", NO_DIGEST, Reason.NOT_AN_IMAGE)]
    assert requests([LINK], memories(small)[-1], ())[0].reason == "", "a setting may have changed"
    another = Url("http://example.org/other.jpg")
    assert requests([another], memories(PHOTO)[-1], ()) == [Request(another)]
