"""Dead links are asked of a web archive: what it has kept comes back, and its lies cost a link nothing."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from regraft.config import ArchiveSettings, FetchSettings, ScreenSettings, SplitSettings
from regraft.dataset.screening import screen
from regraft.fetching.archive import archive_fetch, ask_archive
from regraft.fetching.crew import Crew
from regraft.identity import Url, digest_of
from regraft.links.findings import Finding
from regraft.links.mementos import known_mementos, with_mementos
from regraft.links.memory import MEMORY
from regraft.links.merge import merged
from regraft.links.rot import changes, survival
from regraft.menagerie.drawing import jpeg
from regraft.store.store import Store
from regraft.store.tables import no_rows
from regraft.verdicts import Reason, Verdict
from tests.fetching.archives import TAKEN, Answer, Archive, archive, memento_headers

pytestmark = pytest.mark.server

NOW = datetime(2026, 2, 1, 3, tzinfo=UTC)
LINK = "http://photos.savanna.example/cat/001.jpg"
CAT, TIGER = jpeg("cat", "archived"), jpeg("tiger", "archived")
Lie = Callable[[str, Archive], Answer | None]
NO_LIE: Lie = lambda path, archive: None  # noqa: E731 - a name for the usual case


def checked(*findings: Finding, before: pd.DataFrame | None = None, now: datetime = NOW) -> pd.DataFrame:
    """What is known of links, columns MEMORY, after these findings."""
    known = no_rows(MEMORY) if before is None else before
    links = pd.DataFrame({"url": [finding.url for finding in findings], "category": "cat"})
    return merged(links, findings, known, now=now, since=now, near=6)


def dead(url: str = LINK, reason: Reason = Reason.GONE) -> Finding:
    return Finding(url=Url(url), reason=reason, http_status=404)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def ask(store: Store, links: pd.DataFrame, running: Archive, now: datetime = NOW, **settings: object) -> int:
    """Ask the archive, at no pace; short deadlines and small bodies."""
    wanted = ArchiveSettings(timegate=running.timegate, near=date(2010, 1, 1), pace_s=0, **settings)  # type: ignore[arg-type]
    fetch = FetchSettings(allow=(running.exemption,), deadline_s=2, max_bytes=200_000, attempts=2, retry_after_s=1)
    with Crew(store.url, archive_fetch(fetch, wanted), ScreenSettings()) as crew:
        return ask_archive(links, wanted, crew, store, now)


def test_a_dead_link_comes_back_with_the_bytes_that_were_taken(store: Store) -> None:
    links = checked(dead())
    with archive({LINK: CAT}) as running:
        assert ask(store, links, running) == 1
        assert running.paths == [f"/web/{LINK}", f"/web/{TAKEN}id_/{LINK}"]
        assert running.wanted[0] == "Fri, 01 Jan 2010 00:00:00 GMT"
        memento = running.memento(LINK, "id_")
    [row] = with_mementos(links, known_mementos(store), near=6).to_dict("records")
    assert (row["verdict"], row["reason"], row["outcome"]) == (Verdict.ALIVE, "", "archived")
    assert (row["memento"], row["memento_at"]) == (memento, pd.Timestamp("2009-12-24 18:00", tz="UTC"))
    assert store.blobs.read(row["digest"]) == CAT
    assert row["dead_since"] == NOW
    assert row["http_status"] == 404


def test_what_an_archive_has_kept_is_learnt_from_only_where_that_is_wanted(store: Store) -> None:
    links = checked(dead())
    with archive({LINK: CAT}) as running:
        ask(store, links, running)
    for archived in (True, False):
        screened = screen(links, ScreenSettings(archived=archived), SplitSettings(), 0, store, NOW)
        assert (screened.links["verdict"] == Verdict.ALIVE).tolist() == [archived]
        assert screened.pictures["digest"].tolist() == ([digest_of(CAT)] if archived else [])


def test_the_live_link_takes_its_place_again(store: Store) -> None:
    links = checked(dead())
    with archive({LINK: CAT}) as running:
        ask(store, links, running)
    archived = with_mementos(links, known_mementos(store), near=6)
    alive = checked(Finding(url=Url(LINK), digest=digest_of(TIGER), phash="f" * 16), before=links)
    now = with_mementos(alive, known_mementos(store), near=6)
    assert now["digest"].tolist() == [digest_of(TIGER)]
    assert now["outcome"].tolist() == ["fetched"]
    assert now["memento"].tolist() == [""]
    assert len(changes(now, archived)["revived"]) == 1
    assert len(changes(archived, now)["newly_dead"]) == 1


def test_an_archived_link_is_no_link_that_survives(store: Store) -> None:
    known = checked(Finding(url=Url(LINK), digest=digest_of(CAT), phash="0" * 16))
    links = checked(dead(), before=known)
    with archive({LINK: CAT}) as running:
        ask(store, links, running)
    mementos = known_mementos(store).assign(phash="0" * 16)
    archived = with_mementos(links, mementos, near=6)
    assert archived["verdict"].tolist() == [Verdict.ALIVE]
    assert survival(links, archived)["cat"].alive == 0


def test_a_memento_of_another_picture_than_the_link_is_known_for_is_left_alone(store: Store) -> None:
    known = checked(Finding(url=Url(LINK), digest=digest_of(TIGER), phash="f" * 16))
    links = checked(dead(), before=known)
    with archive({LINK: CAT}) as running:
        ask(store, links, running)
    mementos = known_mementos(store).assign(phash="0" * 16)
    assert with_mementos(links, mementos, near=6)["verdict"].tolist() == [Verdict.DEAD]


def original(path: str) -> str:
    """The URL that a path of the archive speaks of."""
    return path[path.index("http://") :]


LIES: dict[str, Lie] = {
    "a memento of another URL": lambda path, _: (
        Answer(body=CAT, headers=memento_headers("http://elsewhere.example/dog.jpg")) if TAKEN in path else None
    ),
    "no date": lambda path, _: Answer(body=CAT) if TAKEN in path else None,
    "a date that is none": lambda path, _: (
        Answer(body=CAT, headers=memento_headers(original(path)) | {"Memento-Datetime": "yesterday"})
        if TAKEN in path
        else None
    ),
    "nobody's memento": lambda path, _: (
        Answer(body=CAT, headers={"Memento-Datetime": "Thu, 24 Dec 2009 18:00:00 GMT"}) if TAKEN not in path else None
    ),
    "a page": lambda path, _: (
        Answer(body=b"<html>Not in the archive</html>", headers=memento_headers(original(path)))
        if TAKEN in path
        else None
    ),
    "a private address": lambda path, _: Answer(302, headers={"Location": "http://169.254.169.254/latest/"}),
    "another server": lambda path, archive: Answer(302, headers={"Location": f"http://127.0.0.2:{archive.port}/"}),
    "a circle": lambda path, archive: Answer(302, headers={"Location": archive.timegate + original(path)}),
    "no end": lambda path, _: (
        Answer(body=CAT, headers=memento_headers(original(path)), is_endless=True) if TAKEN in path else None
    ),
    "an error": lambda path, _: Answer(500),
    "an archived noai": lambda path, _: (
        Answer(body=CAT, headers=memento_headers(original(path)) | {"X-Archive-Orig-X-Robots-Tag": "noai"})
        if TAKEN in path
        else None
    ),
}


def test_an_archive_that_lies_costs_a_link_nothing(store: Store) -> None:
    lie_of = {f"http://photos.savanna.example/{number}.jpg": lie for number, lie in enumerate(LIES)}
    links = checked(*map(dead, lie_of))
    with archive(
        dict.fromkeys(lie_of, CAT), lambda path, running: LIES[lie_of[original(path)]](path, running)
    ) as running:
        assert ask(store, links, running) == 0
        assert {original(path) for path in running.paths} == set(lie_of)
    known = known_mementos(store).set_index("url")
    for url, lie in lie_of.items():
        assert known.loc[url, "digest"] == "", lie
        assert known.loc[url, "reason"] != "", lie
    assert set(with_mementos(links, known_mementos(store), near=6)["verdict"]) == {Verdict.DEAD}
    assert list(store.blobs) == []


def test_opt_outs_stay_opt_outs_dead_or_alive_and_whatever_the_archive_has(store: Store) -> None:
    links = checked(Finding(url=Url(LINK), reason=Reason.OPTED_OUT, http_status=200))
    with archive({LINK: CAT}) as running:
        assert ask(store, links, running) == 0
        died = checked(dead(), before=links)
        assert ask(store, died, running) == 0
        assert running.paths == []


def test_what_the_archive_says_was_opted_out_is_never_asked_for_again(store: Store) -> None:
    links = checked(dead())
    with archive({LINK: CAT}, LIES["an archived noai"]) as running:
        ask(store, links, running)
        count = len(running.paths)
        ask(store, links, running, now=NOW + timedelta(days=400))
        assert len(running.paths) == count


def test_a_server_that_refuses_or_is_no_server_is_not_gone_round(store: Store) -> None:
    refused = [dead(f"http://h.example/{why.value}.jpg", why) for why in (Reason.FORBIDDEN, Reason.RATE_LIMITED)]
    nowhere = [dead("http://127.0.0.1/x.jpg", Reason.BLOCKED), dead("htp:/x", Reason.BAD_URL)]
    with archive({}) as running:
        ask(store, checked(*refused, *nowhere), running)
        assert running.paths == []


def test_an_archive_that_asks_for_rest_is_left_alone_until_the_next_run(store: Store) -> None:
    urls = [f"http://h.example/{number}.jpg" for number in range(40)]
    busy: Lie = lambda path, _: Answer(429, headers={"Retry-After": "3600"})  # noqa: E731
    links = checked(*map(dead, urls))
    with archive(dict.fromkeys(urls, CAT), busy) as running:
        assert ask(store, links, running) == 0
        assert len(running.paths) == 1
    with archive(dict.fromkeys(urls, CAT)) as running:
        assert ask(store, links, running, now=NOW + timedelta(days=1)) == 40


def test_what_an_archive_has_not_is_asked_for_again_much_later_and_what_it_has_never(store: Store) -> None:
    other = "http://h.example/none.jpg"
    links = checked(dead(), dead(other))
    with archive({LINK: CAT}) as running:
        ask(store, links, running)
        count = len(running.paths)
        ask(store, links, running, now=NOW + timedelta(days=29))
        assert len(running.paths) == count
        ask(store, links, running, now=NOW + timedelta(days=31))
        assert running.paths[count:] == [f"/web/{other}"]


def test_one_run_asks_for_so_many_links_and_the_next_one_for_others(store: Store) -> None:
    urls = [f"http://h.example/{number}.jpg" for number in range(5)]
    links = checked(*map(dead, urls))
    with archive(dict.fromkeys(urls, CAT)) as running:
        assert [ask(store, links, running, now=NOW + timedelta(days=day), per_run=2) for day in range(4)] == [
            2,
            2,
            1,
            0,
        ]
