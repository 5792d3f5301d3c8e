"""When a link is fetched again, and what its server is told of what is known."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pandas as pd
import pytest

from regraft.config import FetchSettings, ScreenSettings
from regraft.identity import Url
from regraft.links.findings import NO_DIGEST, Finding, Request
from regraft.links.memory import MEMORY
from regraft.links.merge import merged
from regraft.links.recheck import are_due, requests
from regraft.store.tables import no_rows
from regraft.verdicts import Reason
from tests.links.checks import DAY, FIRST_DAY, GONE, LINK, PHOTO, memories

DEAD = (Reason.GONE, Reason.TIMEOUT, Reason.UNREACHABLE)
DOWNLOADED = (
    Reason.TOO_LARGE,
    Reason.TRUNCATED,
    Reason.NOT_AN_IMAGE,
    Reason.TOO_MANY_PIXELS,
    Reason.TOO_SMALL,
    Reason.ANIMATED,
    Reason.PLACEHOLDER,
    Reason.OPTED_OUT,
)
"""Junk that can only be downloaded to be looked at again."""
SIZES = {Reason.TOO_MANY_PIXELS: (9000, 9000), Reason.TOO_SMALL: (9000, 9)}


def is_due(memory: pd.DataFrame, after: timedelta, **screen: int) -> bool:
    """Whether the link is fetched so long after its first check."""
    settings = FetchSettings(), ScreenSettings.model_validate(screen)
    return bool(are_due(memory, pd.Series(False, memory.index), *settings, FIRST_DAY + after).item())


def checks(
    findings: Mapping[str, Finding], nights: int = 9, placeholders: Collection[str] = ()
) -> dict[str, list[int]]:
    """By name the nights on which links are fetched that always come to the same, the first night included."""
    url_of = {name: Url(f"http://example.org/{name}") for name in findings}
    links = pd.DataFrame({"url": url_of.values(), "category": "cat"})
    by_url = [replace(finding, url=url_of[name]) for name, finding in findings.items()]
    memory = merged(links, by_url, no_rows(MEMORY), now=FIRST_DAY, since=FIRST_DAY, near=6)
    checked = {name: [0] for name in findings}
    for night in range(1, nights):
        now = FIRST_DAY + night * DAY + timedelta(minutes=25) * (-1) ** night  # no run begins at the same minute
        shows_placeholder = memory["url"].isin([url_of[name] for name in placeholders])
        due = are_due(memory, shows_placeholder, FetchSettings(), ScreenSettings(), now)
        if not due.any():
            continue
        fetched = [finding for finding, is_due in zip(by_url, due, strict=True) if is_due]
        again = merged(links[due], fetched, memory[due], now=now, since=now, near=6)
        memory = pd.concat([memory[~due], again.set_axis(memory.index[due])]).sort_index()
        for name, is_due in zip(findings, due, strict=True):
            checked[name] += [night] if is_due else []
    return checked


def of_reason(reason: Reason) -> Finding:
    width, height = SIZES.get(reason, (0, 0))
    return Finding(url=LINK, reason=reason, bytes=30_000_000, width=width, height=height)


@pytest.fixture(scope="module")
def nights() -> dict[str, list[int]]:
    """By reason the nights on which such links are fetched."""
    return checks({reason.value: of_reason(reason) for reason in (*DEAD, *DOWNLOADED)}, nights=130)


def longest_gap(nights: list[int]) -> int:
    return max(later - earlier for earlier, later in pairwise(nights))


def test_dead_links_are_asked_ever_more_rarely_and_gone_ones_more_rarely_than_late_ones(
    nights: dict[str, list[int]],
) -> None:
    gone, late, silent = nights["gone"], nights["timeout"], nights["unreachable"]
    assert gone[:6] == late[:4] + gone[4:6] == [0, 1, 2, 4, 8, 16]
    assert len(silent) > len(late) > 2 * len(gone)
    assert (longest_gap(gone), longest_gap(late), longest_gap(silent)) == (30, 7, 7)


@pytest.mark.parametrize("reason", DOWNLOADED)
def test_junk_that_costs_a_download_is_downloaded_once_a_day_and_then_ever_more_rarely(
    reason: Reason, nights: dict[str, list[int]]
) -> None:
    assert not is_due(memories(of_reason(reason))[-1], timedelta(minutes=5))
    assert nights[reason][:3] == [0, 1, 2]
    assert len(nights[reason]) < 26
    assert longest_gap(nights[reason]) in (7, 14, 30)


@pytest.mark.parametrize("reason", [Reason.BLOCKED, Reason.BAD_URL])
def test_what_costs_no_request_is_always_judged_again(reason: Reason) -> None:
    assert checks({reason.value: of_reason(reason)}, nights=16) == {reason.value: list(range(16))}


def test_a_placeholder_without_validators_is_junk_and_a_picture_is_asked_every_night() -> None:
    picture = replace(PHOTO, etag="")
    assert checks({"photo": picture, "placeholder": picture}, placeholders=["placeholder"]) == {
        "photo": list(range(9)),
        "placeholder": [0, 1, 2, 4, 8],
    }


def test_what_can_answer_that_it_has_not_changed_is_asked_every_night() -> None:
    truncated, small = (replace(of_reason(reason), etag="e") for reason in (Reason.TRUNCATED, Reason.TOO_SMALL))
    links = {"placeholder": PHOTO, "truncated": truncated, "small": small}
    assert checks(links, placeholders=["placeholder"]) == {
        "placeholder": list(range(9)),
        "truncated": list(range(9)),
        "small": [0, 1, 2, 4, 8],  # asked for without its validators, as the setting may have changed
    }


def test_junk_is_asked_at_once_where_it_is_none_by_the_settings_of_today() -> None:
    small = memories(Finding(url=LINK, reason=Reason.TOO_SMALL, width=20, height=90))[-1]
    assert not is_due(small, timedelta(minutes=5))
    assert not is_due(small, timedelta(minutes=5), min_side=21)
    assert is_due(small, timedelta(minutes=5), min_side=20)
    bomb = memories(Finding(url=LINK, reason=Reason.TOO_MANY_PIXELS, width=9000, height=9000))[-1]
    assert not is_due(bomb, timedelta(minutes=5))
    assert not is_due(bomb, timedelta(minutes=5), max_pixels=9000 * 9000 - 1)
    assert is_due(bomb, timedelta(minutes=5), max_pixels=9000 * 9000)


def test_a_link_that_comes_to_something_else_is_asked_as_often_as_a_new_one() -> None:
    memory = memories(*[GONE] * 40, PHOTO, GONE)[-1]
    assert is_due(memory, 42 * DAY)


def test_requests_are_conditional_for_pictures_that_are_kept_and_for_lasting_junk() -> None:
    page = Finding(url=LINK, reason=Reason.NOT_AN_IMAGE, etag="e", bytes=7)
    small = Finding(url=LINK, reason=Reason.TOO_SMALL, etag="e", bytes=8)
    photo = memories(PHOTO)[-1]
    assert requests([LINK], photo, {PHOTO.digest}) == [Request(LINK, "e", "", PHOTO.digest, bytes=PHOTO.bytes)]
    assert requests([LINK], photo, ()) == [Request(LINK, bytes=PHOTO.bytes)], "its picture is gone from the store"
    assert requests([LINK], memories(page)[-1], ()) == [Request(LINK, "e", "", NO_DIGEST, Reason.NOT_AN_IMAGE, 7)]
    assert requests([LINK], memories(small)[-1], ())[0].etag == "", "a setting may have changed"
    another = Url("http://example.org/other.jpg")
    assert requests([another], photo, ()) == [Request(another)]
