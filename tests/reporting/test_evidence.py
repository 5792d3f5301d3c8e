"""A link's story over all versions, in sentences."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from regraft.dataset.decision import Decision, DecisionKind
from regraft.dataset.decisions import decide
from regraft.dataset.placeholders import PLACEHOLDERS
from regraft.dataset.screening import last_verdicts
from regraft.errors import LinkError, VersionError
from regraft.identity import Digest, Host
from regraft.links.findings import Finding
from regraft.links.mementos import MEMENTOS, with_mementos
from regraft.links.memory import COLUMNS, OF_AN_ARCHIVE
from regraft.links.removals import Kind, Removal, hash_of_host, hash_of_link, put_rows
from regraft.reporting.evidence import Story, stories
from regraft.store.store import Store
from regraft.verdicts import Reason
from tests.links.checks import DAY, FIRST_DAY, GONE, LINK, OTHER, PHOTO, RESAVED, UNCHANGED, A, B, C, memories
from tests.links.history import History

TODAY = FIRST_DAY + 30 * DAY
NEXT_RUN = "The next run asks for it again."
ALIVE = "Alive since 2026-01-01 00:00 UTC: picture aaaaaaaa, 99 x 99 pixels."


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(str(tmp_path / "store"))


def story(store: Store, url: str, now: datetime = TODAY) -> Story:
    """The story of a link in the first list that has it."""
    return stories(store, url, now)[0]


def happened(of_link: Story) -> list[str]:
    return [event.sentence for event in of_link.events]


def test_a_link_that_was_replaced_is_told_as_a_short_story(history: History) -> None:
    for finding in (PHOTO, UNCHANGED, replace(OTHER, http_status=200, attempts=1, elapsed_s=0.25)):
        history.check(finding)
    assert story(history.store, LINK, TODAY).sentences == [
        ALIVE,
        "Replaced on 2026-01-03 00:00 UTC by another picture (distance 64); not learnt from until accepted.",
        "Last asked on 2026-01-03 00:00 UTC: HTTP 200, 1 attempt, 0.2 s.",
        NEXT_RUN,
    ]


def test_a_link_that_died_and_came_back_has_both_times(history: History) -> None:
    gone = replace(GONE, attempts=2, detail="HTTP 404")
    for finding in (PHOTO, gone, gone, PHOTO):
        history.check(finding)
    assert happened(story(history.store, LINK, TODAY)) == [
        ALIVE,
        "Dead since 2026-01-02 00:00 UTC, gone: the server says that there is no such page (HTTP 404).",
        "Alive again since 2026-01-04 00:00 UTC: picture aaaaaaaa, 99 x 99 pixels.",
    ]


MEMENTO = f"http://archive.example/web/20090821100000id_/{LINK}"


def publish_archived(history: History, *findings: Finding, first_day: int = 0) -> None:
    """Publish a version for each day's check; from `first_day` on an archive has what the link, where dead, showed."""
    row = {"url": LINK, "reason": "", "digest": A, "bytes": 9, "width": 99, "height": 99, "phash": "0" * 16}
    taken = {"memento": MEMENTO, "memento_at": datetime(2009, 8, 21, tzinfo=UTC), "asked_at": FIRST_DAY, "detail": ""}
    kept = pa.Table.from_pylist([row | taken], schema=MEMENTOS).to_pandas()
    for day, memory in enumerate(memories(*findings)):
        links = with_mementos(memory, kept if day >= first_day else kept.iloc[:0], near=6)
        judged, _ = last_verdicts(links, PLACEHOLDERS.empty_table().to_pandas(), 6, lambda name, digest: "train")
        table = judged[[*COLUMNS, *OF_AN_ARCHIVE.names]]
        history.publish(table, f"{FIRST_DAY + day * DAY:%Y%m%dT%H%M%SZ}")


def test_a_link_that_was_brought_back_is_dead_and_comes_alive_again(history: History) -> None:
    publish_archived(history, PHOTO, GONE, GONE, PHOTO)
    assert happened(story(history.store, LINK, TODAY)) == [
        ALIVE,
        "Dead since 2026-01-02 00:00 UTC (HTTP 404); learnt from as a web archive kept it on 2009-08-21: picture "
        "aaaaaaaa, 99 x 99 pixels.",
        "Alive again since 2026-01-04 00:00 UTC: picture aaaaaaaa, 99 x 99 pixels.",
    ]


def test_a_link_that_is_brought_back_later_has_both_times(history: History) -> None:
    publish_archived(history, GONE, GONE, first_day=1)
    assert happened(story(history.store, LINK, TODAY)) == [
        "Dead since 2026-01-01 00:00 UTC, gone: the server says that there is no such page (HTTP 404).",
        "Learnt from since 2026-01-02 00:00 UTC as a web archive kept it on 2009-08-21: picture aaaaaaaa, 99 x 99 "
        "pixels.",
    ]


def test_the_last_exchange_of_a_link_that_was_brought_back_is_its_own(history: History) -> None:
    publish_archived(history, replace(GONE, attempts=1, elapsed_s=0.1))
    assert story(history.store, LINK, TODAY).last_exchange == (
        f"Last asked on 2026-01-01 00:00 UTC: HTTP 404, 1 attempt, 0.1 s. The archive has its picture at {MEMENTO}."
    )


def test_the_same_picture_in_other_bytes_is_no_other_picture(history: History) -> None:
    history.check(PHOTO)
    history.check(RESAVED)
    assert happened(story(history.store, LINK, TODAY))[1:] == [
        "Shows the same picture in other bytes since 2026-01-02 00:00 UTC: bbbbbbbb."
    ]


def test_another_way_to_be_dead_is_told_when_it_is_seen(history: History) -> None:
    history.check(GONE)
    history.check(replace(GONE, reason=Reason.TIMEOUT, http_status=0, attempts=2))
    assert happened(story(history.store, LINK, TODAY)) == [
        "Dead since 2026-01-01 00:00 UTC, gone: the server says that there is no such page (HTTP 404).",
        "Dead since 2026-01-02 00:00 UTC, timeout: the answer takes longer than the deadline.",
    ]


def test_the_last_exchange_says_where_redirects_led(history: History) -> None:
    history.check(replace(GONE, final_url="http://example.org/gone", attempts=3, elapsed_s=1.5))
    of_link = story(history.store, LINK, TODAY)
    assert of_link.last_exchange == (
        "Last asked on 2026-01-01 00:00 UTC: HTTP 404 from http://example.org/gone, 3 attempts, 1.5 s."
    )
    history.check(replace(GONE, reason=Reason.BAD_URL, http_status=0))
    assert story(history.store, LINK, TODAY).last_exchange == "No request was ever sent for it."
    history.check(replace(GONE, reason=Reason.BLOCKED, http_status=0, final_url="http://10.0.0.1/", attempts=1))
    assert story(history.store, LINK, TODAY).last_exchange == (
        "Last asked on 2026-01-03 00:00 UTC: it leads to http://10.0.0.1/, which was not asked, 1 attempt, 0.0 s."
    )
    history.check(replace(GONE, reason=Reason.UNREACHABLE, http_status=502, attempts=1, detail="HTTP 502"))
    assert happened(story(history.store, LINK, TODAY))[-1].endswith("a gateway cannot reach the server (HTTP 502).")
    history.check(PHOTO)
    history.check(replace(UNCHANGED, attempts=1))
    assert "HTTP 304, not modified, 1 attempt" in story(history.store, LINK, TODAY).last_exchange


@pytest.mark.parametrize("word", ["https://www.example.org/CAT.jpg/", "example.org/cat.jpg"])
def test_a_link_is_told_of_however_it_is_spelt(history: History, word: str) -> None:
    history.check(PHOTO)
    history.check(PHOTO)
    assert story(history.store, word, TODAY).sentences == story(history.store, LINK, TODAY).sentences
    with pytest.raises(LinkError, match=r"no-cat.jpg'\. Of its host there are 1: `regraft links example.org`\."):
        story(history.store, "http://example.org/no-cat.jpg", TODAY)


def test_twins_and_neighbours_are_named_by_their_links(history: History) -> None:
    checks = {LINK: PHOTO, "http://example.org/twin.jpg": OTHER, "http://example.org/more.jpg": RESAVED}
    version = history.check(checks)
    links = version.table("links.parquet").astype({"distance": "Int16"})
    is_link = links["url"] == LINK
    links.loc[is_link, ["verdict", "reason", "refers_to", "detail"]] = ["junk", "near_duplicate", C, "looks the same"]
    history.publish(links, "20260102T000000Z")
    of_link = story(history.store, LINK, TODAY)
    assert happened(of_link)[-1].startswith("Junk since 2026-01-02 "), "with the version, as it was not asked again"
    assert of_link.others == "The picture that looks the same is shown by: http://example.org/twin.jpg."
    links.loc[is_link, ["reason", "refers_to"]] = ["misfiled", f"{C} {B}"]
    history.publish(links, "20260103T000000Z")
    named = "http://example.org/more.jpg, http://example.org/twin.jpg"
    assert story(history.store, LINK, TODAY).others == f"Its nearest neighbours are shown by: {named}."


def test_what_is_long_dead_is_asked_on_a_day_that_is_named(history: History) -> None:
    for _ in range(6):
        history.check(GONE)
    now = FIRST_DAY + 5 * DAY
    assert story(history.store, LINK, now).asked_next == "The first run after 2026-01-11 00:00 UTC asks for it again."
    assert story(history.store, LINK, now + 10 * DAY).asked_next == NEXT_RUN


def test_a_link_that_left_the_lists_is_not_asked_any_more(history: History) -> None:
    history.check(PHOTO)
    newest = history.check({"http://example.org/dog.jpg": PHOTO})
    of_link = story(history.store, LINK, TODAY)
    assert of_link.asked_next == f"No list of version {newest.name} has it, so it is not asked any more."
    assert happened(of_link) == [ALIVE]


def test_a_placeholder_names_the_other_links_that_show_it(history: History) -> None:
    shown = replace(PHOTO, bytes=99)
    history.check({f"http://h{number}.example/a.jpg": shown for number in range(9)})
    of_link = story(history.store, "http://h0.example/a.jpg", TODAY)
    assert happened(of_link) == [
        "Junk since 2026-01-01 00:00 UTC, placeholder: it shows what its host shows in place of photos that are gone "
        "(links that show this picture: 9)."
    ]
    named = ", ".join(f"http://h{number}.example/a.jpg" for number in range(1, 6))
    assert of_link.others == f"Others that show the same: {named} and 3 more."


def test_a_sentence_has_what_is_known_by_now(history: History) -> None:
    for count in (4, 9):
        history.check({f"http://h{number}.example/a.jpg": replace(PHOTO, bytes=99) for number in range(count)})
    assert happened(story(history.store, "http://h0.example/a.jpg", TODAY)) == [
        "Junk since 2026-01-01 00:00 UTC, placeholder: it shows what its host shows in place of photos that are gone "
        "(links that show this picture: 9)."
    ]


def test_what_a_verdict_refers_to_may_change_without_a_new_sentence(history: History) -> None:
    blank = Finding(url=LINK, reason=Reason.PLACEHOLDER, final_url="http://example.org/gone.png", detail="one colour")
    history.check(blank)
    history.check({LINK: blank, "http://example.org/dog.jpg": blank})
    assert happened(story(history.store, LINK, TODAY)) == [
        "Junk since 2026-01-01 00:00 UTC, placeholder: it shows what its host shows in place of photos that are gone "
        "(one colour; links that lead to this address: 2; see http://example.org/gone.png)."
    ]
    assert story(history.store, LINK, TODAY).others == "Others that show the same: http://example.org/dog.jpg."


def test_a_second_replacement_is_told_apart_from_the_first(history: History) -> None:
    for finding in (PHOTO, OTHER, replace(OTHER, digest=B)):
        history.check(finding)
    first, again = (f"{on} by another picture (distance 64)" for on in ("2026-01-02 00:00 UTC", "2026-01-03 00:00 UTC"))
    assert happened(story(history.store, LINK, TODAY))[1:] == [
        f"Replaced on {first}; not learnt from until accepted.",
        f"Replaced again on {again}; not learnt from until accepted.",
    ]


def test_a_copy_names_the_link_that_is_kept(history: History) -> None:
    history.check({f"http://h.example/{number}.jpg": PHOTO for number in (1, 2)})
    of_link = story(history.store, "http://h.example/2.jpg", TODAY)
    assert happened(of_link)[0].endswith("duplicate: the same bytes as http://h.example/1.jpg.")
    assert of_link.others == ""  # the sentence before has named it


def test_what_persons_decided_is_part_of_the_story(history: History) -> None:
    history.check(PHOTO)
    history.check(OTHER)
    decisions = [
        Decision(kind=DecisionKind.ACCEPT, url=LINK, digest=C, decided_at=FIRST_DAY + 1.5 * DAY, decided_by="ann"),
        Decision(kind=DecisionKind.REJECT, digest=A, decided_at=FIRST_DAY + 1.7 * DAY, why="blurred", category="cat"),
        Decision(kind=DecisionKind.REJECT, digest=Digest("e" * 64), decided_at=FIRST_DAY, category="cat"),
        Decision(kind=DecisionKind.REJECT, digest=A, decided_at=FIRST_DAY, category="tiger"),
    ]
    decide(history.store, decisions)
    history.check(OTHER)
    assert happened(story(history.store, LINK, TODAY))[2:] == [
        "Decided on 2026-01-02 12:00 UTC by ann: accept.",
        "Decided on 2026-01-02 16:48 UTC by somebody: reject: blurred.",
    ]


def test_a_link_in_two_lists_has_two_stories(history: History) -> None:
    history.check(PHOTO)
    history.check(PHOTO, category="tiger")
    assert [of_link.category for of_link in stories(history.store, LINK, TODAY)] == ["cat", "tiger"]


def test_versions_of_earlier_regrafts_are_told_without_evidence(history: History) -> None:
    links = history.check(GONE).table("links.parquet").drop(columns=["detail", "refers_to", "distance"])
    history.store.disk.delete_folder("versions")
    history.publish(links, "20260101T000000Z")
    assert happened(story(history.store, LINK, TODAY)) == [
        "Dead since 2026-01-01 00:00 UTC, gone: the server says that there is no such page (HTTP 404)."
    ]


def test_a_link_is_alive_since_before_the_oldest_version_that_is_left(history: History) -> None:
    links = history.check(PHOTO).table("links.parquet")
    history.store.disk.delete_folder("versions")
    history.publish(links.assign(alive_since=pd.Timestamp(FIRST_DAY - DAY)), "20260101T000000Z")
    assert happened(story(history.store, LINK, TODAY)) == [ALIVE.replace("2026-01-01", "2025-12-31")]


@pytest.mark.parametrize("damaged", [0, 1, 2])
def test_a_damaged_version_is_left_out_with_a_sentence(
    history: History, damaged: int, caplog: pytest.LogCaptureFixture
) -> None:
    published = [history.check(finding) for finding in (PHOTO, GONE, PHOTO)]
    history.store.disk.write(f"{published[damaged].path}/links.parquet", b"PAR1 nonsense PAR1")
    of_link = story(history.store, LINK, TODAY)
    assert len(of_link.events) == (1 if damaged == 1 else 2)
    assert of_link.asked_next == NEXT_RUN
    [record] = caplog.records
    assert f"links.parquet of version {published[damaged].name} is damaged" in record.getMessage()


def test_a_damaged_memory_and_a_damaged_run_json_leave_the_story(history: History) -> None:
    version = history.check(GONE)
    for path in (*history.store.disk.sizes("links"), f"{version.path}/run.json"):
        history.store.disk.write(path, b"nonsense")
    assert story(history.store, LINK, TODAY).asked_next == NEXT_RUN


@pytest.mark.parametrize("url", ["http://example.org/dog.jpg", "", "\ud800"])
def test_an_unknown_link_is_an_error(history: History, url: str) -> None:
    history.check(PHOTO)
    with pytest.raises(LinkError, match="has the link"):
        story(history.store, url)


@pytest.mark.parametrize("url", ["/cat.jpg", "file:///cat.jpg"])
def test_what_has_no_host_is_not_said_to_be_of_the_same_host_as_other_such_lines(history: History, url: str) -> None:
    history.check({"no URL": PHOTO, "htp:/x": PHOTO})
    with pytest.raises(LinkError) as refused:
        story(history.store, url)
    assert str(refused.value) == f"No version in {history.store.url} has the link {url!r}."


def test_a_removed_link_is_said_to_be_removed(history: History) -> None:
    history.check({"http://example.org/dog.jpg": PHOTO})
    host = hash_of_host(Host("example.org"))
    removal = Removal(kind=Kind.LINK, hash=hash_of_link(LINK), host=host, removed_at=FIRST_DAY, why="asked for")
    put_rows(history.store, [removal])
    with pytest.raises(LinkError, match="was removed"):
        story(history.store, LINK)


def test_without_a_version_there_is_no_story(tmp_path: Path) -> None:
    with pytest.raises(VersionError, match="no version"):
        story(Store(str(tmp_path)), LINK)
