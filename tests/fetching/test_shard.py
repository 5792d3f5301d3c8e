"""A shard of links: what is requested, what is remembered, and what stays as it was."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from regraft.config import FetchSettings, ScreenSettings
from regraft.errors import OutageError, StoreError
from regraft.fetching.crew import Crew
from regraft.fetching.shard import Checked, CheckRules, ShardLinks, fetch_shard, links_by_lane, remember_silent
from regraft.identity import Digest
from regraft.links.memory import known_links
from regraft.links.shards import place_of
from regraft.menagerie.drawing import drawing, encoded
from regraft.store.layout import Layout
from regraft.store.store import Store
from tests.hostile import Hostile, Talk, ok, serving
from tests.processes import until

pytestmark = pytest.mark.server

CAT = encoded(drawing("cat", "shard"), "JPEG")
TODAY = datetime(2026, 11, 25, 3, tzinfo=UTC)
PATH = Layout().path(7, 0)
"""Any: the memory of links of whichever shard is kept where it is told."""


def rules(fetch: FetchSettings, now: datetime = TODAY, since: datetime | None = None) -> CheckRules:
    return CheckRules(fetch=fetch, screen=ScreenSettings(), now=now, since=since or now)


@dataclass
class Job:
    """A store, and a host whose links /cat... show a picture and others nothing."""

    store: Store
    host: Hostile
    progress: list[int] = field(default_factory=list)
    new_pictures: list[Digest] = field(default_factory=list)
    checked: Checked = field(init=False)
    """What the last fetch returned."""
    crews: dict[str, Crew] = field(default_factory=dict)
    """By settings: a process for each fetch would take the tests most of their time."""

    def run(self, *names: str, now: datetime = TODAY, since: datetime | None = None, **fetch: Any) -> pd.DataFrame:
        """Fetch links of the host once, or of other URLs; return them by name."""
        links = pd.DataFrame({"url": [self.url(name) for name in names], "category": "cat"})
        chosen = {"allow": (self.host.exemption,), "attempts": 1, "processes": 1} | fetch
        settings = FetchSettings.model_validate(chosen)
        self.checked = fetch_shard(
            ShardLinks(PATH, links),
            rules(settings, now, since),
            self.crew(settings),
            self.store,
            progress=self.progress.append,
            on_new_picture=self.new_pictures.append,
        )
        return self.checked.links.set_index("url").rename(self.name)

    def crew(self, settings: FetchSettings) -> Crew:
        key = settings.model_dump_json()
        if key not in self.crews:
            self.crews[key] = Crew(self.store.url, settings, ScreenSettings())
        return self.crews[key]

    def url(self, name: str) -> str:
        return name if ":" in name else f"{self.host.url}{name}"

    def name(self, url: str) -> str:
        return url.removeprefix(self.host.url)

    def remembered(self) -> list[str]:
        return sorted(known_links(self.store, PATH)["url"].map(self.name))

    def requests(self) -> list[str]:
        """What the host was asked for since the last call."""
        lines, self.host.request_lines[:] = sorted(self.host.request_lines), []
        return [line.split()[1].removeprefix("/") for line in lines]


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    def cats(talk: Talk) -> None:
        match talk.path.split("/")[1]:
            case "closed":
                talk.socket.close()
            case "cat":
                talk.say(ok(CAT))
            case "page":
                talk.say(ok(b"<html>no longer here"))
            case "short":
                talk.say(ok(CAT[:99], length=len(CAT)))
            case _:
                talk.say(b"HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n")

    with serving(cats) as host:
        job = Job(Store(str(tmp_path)), host)
        yield job
        for crew in job.crews.values():
            crew.close()


def test_links_are_fetched_and_remembered(job: Job) -> None:
    links = job.run("cat/1", "gone")
    assert links["reason"].to_dict() == {"cat/1": "", "gone": "gone"}
    assert set(links["checked_at"]) == {pd.Timestamp(TODAY)}
    assert job.remembered() == ["cat/1", "gone"]
    assert job.store.blobs.read(Digest(str(links.loc["cat/1", "digest"]))) == CAT
    assert sum(job.progress) == 2


def test_what_a_run_that_was_cut_off_had_checked_is_not_requested_again(job: Job) -> None:
    job.run("cat/1")
    job.requests()
    later = TODAY + timedelta(minutes=5)
    links = job.run("cat/1", "cat/2", now=later, since=TODAY)
    assert job.requests() == ["cat/2"]
    assert links["outcome"].to_dict() == {"cat/1": "checked_before", "cat/2": "fetched"}
    assert links.loc["cat/1", "checked_at"] == pd.Timestamp(TODAY)
    assert sum(job.progress) == 3


@pytest.mark.parametrize("ahead", [timedelta(minutes=10), timedelta(days=400)])
def test_what_a_clock_that_was_ahead_has_checked_is_asked_again_and_remembered(job: Job, ahead: timedelta) -> None:
    job.run("cat/1", "gone", now=TODAY + ahead)
    job.requests()
    links = job.run("cat/1", "gone", "cat/2")
    assert {"cat/1", "cat/2"} <= {*job.requests()}
    assert links.loc["cat/1", "checked_at"] == pd.Timestamp(TODAY)
    job.run("cat/1", "gone", now=TODAY + timedelta(days=1))
    assert set(job.requests()) == {"cat/1", "gone"}, "neither is left alone for as long as the clock was ahead"


def test_a_run_that_goes_on_asks_mostly_links_that_give_no_answer_and_calls_that_no_outage(job: Job) -> None:
    job.run("cat/1", "cat/2", "closed")
    job.run("cat/1", "cat/2", "closed", now=TODAY + timedelta(minutes=5), since=TODAY)
    failures = job.checked.failures
    assert (failures.silent, failures.requested) == (1, 3)
    assert (failures.lost, failures.were_alive, failures.links) == (0, 2, 3)
    job.run("cat/1", "cat/2", "closed", now=TODAY + timedelta(days=1))
    assert job.checked.failures.requested == 3, "whoever asks all links anew counts each once"


def test_a_dead_link_is_left_alone_until_its_time_has_come(job: Job) -> None:
    job.run("gone", now=TODAY - timedelta(days=10))
    job.run("gone", now=TODAY)
    job.requests()
    links = job.run("gone", now=TODAY + timedelta(days=1))
    assert (job.requests(), links.loc["gone", "outcome"]) == ([], "skipped")
    job.run("gone", now=TODAY + timedelta(days=11))
    assert job.requests() == ["gone"]


def test_junk_is_not_downloaded_again_on_the_same_day_and_then_ever_more_rarely(job: Job) -> None:
    days = []
    for half_days in range(17):
        job.run("page", now=TODAY + half_days * timedelta(days=0.5))
        if job.requests():
            days.append(half_days / 2)
    assert days == [0, 0.5, 1, 2, 4, 8]


def test_a_body_that_was_too_large_is_read_where_the_setting_allows_it_now(job: Job) -> None:
    assert job.run("cat/1", max_bytes=1000)["reason"].item() == "too_large"
    job.requests()
    assert job.run("cat/1", now=TODAY + timedelta(minutes=1), max_bytes=1000)["outcome"].item() == "skipped"
    assert job.run("cat/1", now=TODAY + timedelta(minutes=2))["reason"].item() == ""


def test_a_link_that_fails_as_it_did_at_its_last_check_is_tried_once(job: Job) -> None:
    job.run("short", attempts=2)
    assert job.requests() == ["short", "short"]
    job.run("short", now=TODAY + timedelta(days=1), attempts=2)
    assert job.requests() == ["short"]


def test_links_that_the_budget_does_not_reach_keep_what_is_known_of_them(job: Job) -> None:
    job.run("cat/1")
    links = job.run("cat/1", "cat/2", now=TODAY + timedelta(days=1), budget_s=1e-9)
    assert links["outcome"].to_dict() == {"cat/1": "skipped", "cat/2": "skipped"}
    assert links.loc["cat/1", "reason"] == ""
    assert links.loc["cat/2", "verdict"] == "unknown"
    assert job.remembered() == ["cat/1"], "nothing is known of a link that was never reached"


def test_an_outage_is_remembered_of_no_link(job: Job) -> None:
    cats = [f"cat/{number}" for number in range(6)]
    job.run(*cats)
    before = known_links(job.store, PATH)
    with pytest.raises(OutageError):
        job.run(*cats, now=TODAY + timedelta(days=1), proxy="http://127.0.0.1:9", outage_share=0.5)
    pd.testing.assert_frame_equal(known_links(job.store, PATH), before)


def test_what_came_in_is_remembered_while_others_are_still_waited_for(tmp_path: Path) -> None:
    """A run that is killed now has lost one link."""
    is_known = threading.Event()

    def hanging(talk: Talk) -> None:
        if talk.path == "/cat/slow":
            assert is_known.wait(30)
        talk.say(ok(CAT))

    with serving(hanging) as host, ThreadPoolExecutor(1) as thread:
        job = Job(Store(str(tmp_path)), host)
        names = ["cat/1", "cat/2", "cat/slow"]
        links = pd.DataFrame({"url": [job.url(name) for name in names], "category": "cat"})
        settings = FetchSettings(allow=(host.exemption,), processes=1, deadline_s=60)
        with Crew(job.store.url, settings, ScreenSettings(), keep_s=0.05) as crew:
            fetching = thread.submit(fetch_shard, ShardLinks(PATH, links), rules(settings), crew, job.store)
            until("two links are remembered", lambda: job.remembered() == ["cat/1", "cat/2"], 30)
            is_known.set()
            assert len(fetching.result().links) == 3
        assert job.remembered() == names


def test_links_of_other_lists_stay_remembered(job: Job) -> None:
    job.run("cat/1")
    job.run("cat/2", now=TODAY + timedelta(days=1))
    assert job.remembered() == ["cat/1", "cat/2"]


def test_a_picture_is_new_once(job: Job) -> None:
    job.run("cat/1", "gone")
    job.run("cat/1", "gone", now=TODAY + timedelta(days=1))
    [picture] = job.new_pictures
    assert job.store.blobs.read(picture) == CAT


def test_a_url_in_two_lists_is_fetched_once_and_has_a_row_in_each(job: Job) -> None:
    url = job.url("cat/1")
    table = pd.DataFrame({"url": [url, url], "category": ["cat", "tiger"]})
    layout = Layout((3,) * 4)
    [(lane, shards)] = links_by_lane(table, layout).items()
    [(shard, links)] = shards.items()
    assert (lane, shard) == place_of(url, layout)
    settings = FetchSettings(allow=(job.host.exemption,), processes=1)
    with Crew(job.store.url, settings, ScreenSettings()) as crew:
        checked = fetch_shard(ShardLinks(PATH, links), rules(settings), crew, job.store)
    assert job.requests() == ["cat/1"]
    assert sorted(checked.links["category"]) == ["cat", "tiger"]


def test_links_that_give_no_answer_are_not_remembered_before_it_is_clear_that_this_machine_was_not_down(
    job: Job,
) -> None:
    job.run("cat/1", "closed")
    assert job.remembered() == ["cat/1"]
    assert job.checked.silent["url"].map(job.name).tolist() == ["closed"]
    assert job.checked.failures.silent == 1
    remember_silent(PATH, job.checked.silent, job.store)
    remember_silent(PATH, job.checked.silent, job.store)
    assert job.remembered() == ["cat/1", "closed"]
    later = TODAY + timedelta(days=1)
    links = job.run("cat/1", "closed", now=later)
    assert links.loc["closed", "checked_at"] == pd.Timestamp(later)
    known = known_links(job.store, PATH).set_index("url").rename(job.name)
    assert known.loc["closed", "checked_at"] == pd.Timestamp(TODAY), "what was known before stays until then"


def test_a_link_is_first_seen_when_its_run_began_and_checked_when_the_run_went_on(job: Job) -> None:
    later = TODAY + timedelta(minutes=5)
    links = job.run("cat/1", now=later, since=TODAY)
    assert links.loc["cat/1", "first_seen"] == pd.Timestamp(TODAY)
    assert links.loc["cat/1", "checked_at"] == pd.Timestamp(later)


def test_a_picture_that_the_store_cannot_keep_kills_no_link_and_ends_the_run_in_a_sentence(job: Job) -> None:
    job.run("cat/1")
    known = known_links(job.store, PATH)
    job.store.disk.delete_folder("blobs")
    job.store.disk.write("blobs", b"a file where a folder should be, as good as a full disk")
    with pytest.raises(StoreError, match=r"cannot be .* 2 pictures were not kept on .*; their links stay"):
        job.run("cat/1", "cat/2", "gone", now=TODAY + timedelta(days=1))
    after = known_links(job.store, PATH)
    assert job.remembered() == ["cat/1", "gone"], "nothing is known of a link whose picture was never kept"
    before, now = (table[table["url"] == job.url("cat/1")].drop(columns="outcome") for table in (known, after))
    pd.testing.assert_frame_equal(now.reset_index(drop=True), before.reset_index(drop=True))
