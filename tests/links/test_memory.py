"""What is remembered of links between runs, and when they are asked again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from regraft.dataset.placeholders import PLACEHOLDERS
from regraft.dataset.screening import last_verdicts
from regraft.errors import LinkError
from regraft.links.findings import Finding, Request
from regraft.links.memory import MEMORY, known_links, put_links
from regraft.links.merge import merged
from regraft.links.recheck import is_due, requests
from regraft.links.rot import changes, in_two_categories, rot_table, survival
from regraft.links.shards import shard_of
from regraft.store.records import Survival
from regraft.store.store import Store
from regraft.upkeep.accept import accept
from regraft.verdicts import Reason

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
EMPTY = MEMORY.empty_table().to_pandas()
PHOTO = Finding(url="u", final_url="u", digest="a" * 64, phash="0" * 16, width=99, height=99, bytes=9, etag="e")
RESAVED = replace(PHOTO, digest="b" * 64, phash="0" * 15 + "1")
OTHER = replace(PHOTO, digest="c" * 64, phash="f" * 16)
GONE = Finding(url="u", reason=Reason.GONE, http_status=404)


def told(*findings: Finding) -> list[pd.DataFrame]:
    """The memory after each of a link's daily checks."""
    asked = pd.DataFrame({"url": ["u"], "category": ["cat"]})
    memories = [EMPTY]
    for day, finding in enumerate(findings):
        memories.append(merged(asked, [finding], memories[-1], NOW + day * DAY, 6))
    return memories[1:]


def reason(memory: pd.DataFrame, accepted_before: datetime | None = None) -> str:
    judged, _ = last_verdicts(memory, PLACEHOLDERS.empty_table().to_pandas(), 6, lambda c, d: "train", accepted_before)
    return str(judged["reason"].iloc[0])


def test_a_resaved_picture_is_the_same_and_another_one_is_quarantined() -> None:
    assert [reason(memory) for memory in told(PHOTO, RESAVED, OTHER, OTHER, PHOTO)] == [
        "",
        "",
        "replaced",
        "replaced",
        "",
    ]


def test_a_link_that_comes_back_with_another_picture_is_quarantined_too() -> None:
    assert [reason(memory) for memory in told(PHOTO, GONE, OTHER)] == ["", "gone", "replaced"]


def test_a_rule_accepts_what_has_stayed_long_enough() -> None:
    *_, memory = told(PHOTO, OTHER, OTHER)
    assert reason(memory, accepted_before=NOW) == "replaced"
    assert reason(memory, accepted_before=NOW + DAY) == ""


def test_dead_since_and_first_seen_are_kept() -> None:
    memory = told(PHOTO, GONE, GONE)[-1].iloc[0]
    assert memory["first_seen"] == NOW
    assert memory["dead_since"] == NOW + DAY
    assert pd.isna(told(PHOTO, GONE, PHOTO)[-1]["dead_since"].iloc[0])


def checks(reason: str, days: int = 200) -> list[int]:
    """The days on which a nightly run asks a link that died on day 0."""
    asked = [0]
    for day in range(1, days):
        if is_due(reason, NOW + asked[-1] * DAY, NOW, NOW + day * DAY):
            asked.append(day)
    return asked


def test_dead_links_are_asked_ever_more_rarely_and_gone_ones_more_rarely_than_late_ones() -> None:
    gone, timeout = checks("gone"), checks("timeout")
    assert gone[:6] == [0, 1, 2, 4, 8, 16]
    assert len(timeout) > 2 * len(gone)
    assert max(b - a for a, b in pairwise(gone)) == 30
    assert max(b - a for a, b in pairwise(timeout)) == 7


@pytest.mark.parametrize("reason", ["", "not_an_image", "blocked", "bad_url"])
def test_what_is_not_dead_or_costs_nothing_is_always_asked(reason: str) -> None:
    assert is_due(reason, NOW, NOW - 99 * DAY if reason in ("blocked", "bad_url") else None, NOW)


def test_jobs_are_conditional_for_pictures_and_for_lasting_junk() -> None:
    page = Finding(url="u", reason=Reason.NOT_AN_IMAGE, etag="e")
    small = Finding(url="u", reason=Reason.TOO_SMALL, etag="e")
    assert requests(["u"], told(PHOTO)[-1]) == [Request("u", "e", "", "a" * 64)]
    assert requests(["u"], told(page)[-1]) == [Request("u", "e", "", "", Reason.NOT_AN_IMAGE)]
    assert requests(["u"], told(small)[-1])[0].reason == "", "a setting may have changed"
    assert requests(["v"], told(PHOTO)[-1]) == [Request("v")]


def test_the_link_rot_table_counts_what_happened() -> None:
    memories = told(PHOTO, OTHER)
    before, after = (m.assign(reason=reason(m), verdict="alive" if not reason(m) else "junk") for m in memories)
    assert len(changes(after, before)["replaced"]) == 1
    now, then = (links.assign(url="http://h/u") for links in (after, before))
    [row] = rot_table(now, changes(now, then)).to_dict("records")
    assert (row["host"], row["reason"], row["links"], row["replaced"], row["newly_dead"]) == ("h", "replaced", 1, 1, 0)
    assert survival(memories[1], after) == {"cat": Survival(ever_alive=1, alive=0, share=0.0)}


def test_a_picture_in_two_categories_is_told() -> None:
    rows = [("d", "cat", "u1", "duplicate"), ("d", "tiger", "u2", "duplicate"), ("e", "cat", "u3", "duplicate")]
    found = in_two_categories(pd.DataFrame(rows, columns=["digest", "category", "url", "reason"]))
    assert found["url"].tolist() == ["u1", "u2"]


def test_a_person_accepts_what_a_link_shows_now(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    put_links(store, shard_of("u"), told(PHOTO, OTHER)[-1])
    accept(store, "u")
    assert reason(known_links(store, shard_of("u"))) == ""
    with pytest.raises(LinkError, match="nothing to accept"):
        accept(store, "u")
    with pytest.raises(LinkError, match="in no list"):
        accept(store, "v")
