"""The menagerie's web archive speaks Memento as RFC 7089 has it, and what it lies about costs a run nothing."""

from datetime import UTC, date, datetime
from email.utils import format_datetime

import pandas as pd
import pytest

from regraft import menagerie
from regraft.config import ScreenSettings, SplitSettings
from regraft.dataset.screening import screen
from regraft.fetching.archive import archive_fetch, ask_archive
from regraft.fetching.crew import Crew
from regraft.identity import Url
from regraft.links.findings import Finding
from regraft.links.mementos import known_mementos
from regraft.links.memory import MEMORY
from regraft.links.merge import merged
from regraft.menagerie.archive import ALIVE_AT, DEAD_AT, ORIGINAL, STAMP, TIMEGATE, Archive, Kept
from regraft.menagerie.pages import WELCOME
from regraft.menagerie.server import serve
from regraft.menagerie.web import Web
from regraft.store.store import Store
from regraft.verdicts import Reason, Verdict

pytestmark = pytest.mark.server

NOW = datetime(2026, 2, 1, 3, tzinfo=UTC)
NEAR_2010 = "Fri, 01 Jan 2010 00:00:00 GMT"


@pytest.fixture
def web() -> Web:
    return Web()


def url_of(web: Web, kept: Kept) -> str:
    return next(url for url, kind in web.archive.kept.items() if kind is kept)


def memento(url: str, at: datetime, word: str = "") -> str:
    return f"{TIMEGATE}{at.strftime(STAMP)}{word}/{url}"


def test_every_kind_of_memory_comes_up_and_the_same_seed_draws_the_same(web: Web) -> None:
    assert set(web.archive.kept.values()) == set(Kept)
    assert Web().archive.kept == web.archive.kept
    assert Web(seed=1).archive.kept != web.archive.kept


@pytest.mark.parametrize(
    ("wanted", "at"), [(NEAR_2010, ALIVE_AT), ("Wed, 01 Jan 2020 00:00:00 GMT", DEAD_AT), ("", DEAD_AT)]
)
def test_the_timegate_leads_to_the_memento_nearest_to_the_wanted_time(web: Web, wanted: str, at: datetime) -> None:
    url = url_of(web, Kept.PHOTO)
    answer = web.page(f"{TIMEGATE}{url}", wanted)
    assert answer.status == 302
    assert answer.headers["Location"] == memento(url, at)
    assert answer.headers["Vary"] == "accept-datetime"
    assert answer.headers["Link"] == f'<{url}>; rel="original"'


def test_a_date_that_is_none_is_refused(web: Web) -> None:
    assert web.page(f"{TIMEGATE}{url_of(web, Kept.PHOTO)}", "yesterday").status == 400


def test_a_memento_has_its_date_its_origin_and_the_bytes_that_were_taken(web: Web) -> None:
    url = url_of(web, Kept.PHOTO)
    answer = web.page(memento(url, ALIVE_AT, ORIGINAL))
    assert (answer.status, answer.body) == (200, web.bytes_of(url))
    assert answer.headers["Memento-Datetime"] == format_datetime(ALIVE_AT, usegmt=True)
    assert f'<{url}>; rel="original"' in answer.headers["Link"]
    assert f'<{TIMEGATE}{url}>; rel="timegate"' in answer.headers["Link"]
    assert web.page(memento(url, ALIVE_AT)).content_type == "text/html"
    assert web.page(memento(url, DEAD_AT, ORIGINAL)).body == WELCOME


def test_what_it_never_took_is_not_there_however_one_asks(web: Web) -> None:
    url = url_of(web, Kept.NOTHING)
    paths = (f"{TIMEGATE}{url}", memento(url, ALIVE_AT, ORIGINAL), f"{TIMEGATE}http://nowhere.example/1.jpg")
    assert [web.page(path, NEAR_2010).status for path in paths] == [404, 404, 404]


def test_a_busy_archive_answers_the_second_time(web: Web) -> None:
    url = url_of(web, Kept.BUSY)
    assert [web.page(f"{TIMEGATE}{url}", NEAR_2010).status for _ in range(3)] == [429, 302, 302]


def test_few_links_are_few_kinds() -> None:
    assert len(Archive(["http://a.example/1.jpg"], 0, lambda url: b"").kept) == 1
    assert Archive([], 0, lambda url: b"").kept == {}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store whose archive was asked for all links of the menagerie that are dead. Nobody writes to it."""
    return Store(str(tmp_path_factory.mktemp("archive") / "store"))


@pytest.fixture(scope="module")
def links() -> pd.DataFrame:
    """The dead links, as a run knows them that was told 404 by all."""
    dead = [Finding(url=Url(url), reason=Reason.GONE, http_status=404) for url in Web().archive.kept]
    listed = pd.DataFrame({"url": [finding.url for finding in dead], "category": "cat"})
    return merged(listed, dead, MEMORY.empty_table().to_pandas(), now=NOW, since=NOW, near=4)


@pytest.fixture(scope="module")
def answers(store: Store, links: pd.DataFrame) -> pd.DataFrame:
    """What the store knows then, by URL, and in the column `kept` what the archive has."""
    archive = menagerie.CONFIG.fetch.archive
    assert archive is not None
    assert archive.near == date(2010, 1, 1)
    with serve(Web()) as server:
        fetch = menagerie.CONFIG.fetch.model_copy(update={"proxy": server.proxy})
        with Crew(store.url, archive_fetch(fetch, archive), ScreenSettings()) as crew:
            ask_archive(links, archive, crew, store, NOW)
    answers = known_mementos(store).set_index("url")
    return answers.assign(kept=pd.Series(Web().archive.kept).astype("str"))


@pytest.mark.parametrize(
    ("kept", "detail"),
    [
        (Kept.NOTHING, ""),
        (Kept.SOFT_404, ""),
        (Kept.WRONG_DATE, "it has no Memento-Datetime that can be true"),
        (Kept.OTHER_LINK, "a memento of another URL"),
    ],
)
def test_what_is_no_picture_of_the_link_is_left_alone(answers: pd.DataFrame, kept: Kept, detail: str) -> None:
    rows = answers[answers["kept"] == kept]
    assert len(rows) > 0
    assert (rows["digest"] == "").all()
    assert (rows["reason"] != "").all()
    assert rows["detail"].str.contains(detail, regex=False).all()


@pytest.mark.parametrize("kept", [Kept.PHOTO, Kept.BUSY])
def test_a_picture_comes_back_as_it_was_taken(answers: pd.DataFrame, store: Store, kept: Kept) -> None:
    rows, web = answers[answers["kept"] == kept], Web()
    assert len(rows) > 0
    assert (rows["memento_at"] == ALIVE_AT).all()
    assert all(store.blobs.read(digest) == web.bytes_of(str(url)) for url, digest in rows["digest"].items())


@pytest.mark.parametrize("is_wanted", [True, False])
def test_pictures_of_the_archive_are_learnt_from_where_that_is_wanted(
    answers: pd.DataFrame, links: pd.DataFrame, store: Store, is_wanted: bool
) -> None:
    settings = ScreenSettings(archived=is_wanted, near=4)
    screened = screen(links, settings, SplitSettings(), 0, store, NOW).links.set_index("url")
    alive = screened.index[screened["verdict"] == Verdict.ALIVE]
    pictured = answers.index[answers["digest"] != ""]
    assert set(alive) == (set(pictured) if is_wanted else set())
