"""Redirects between lanes: the host that they lead to is asked by one lane at a time, and nothing else changes."""

import contextlib
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd
import pytest

from regraft.config import Config, EngineSettings
from regraft.config_file import parse_config
from regraft.fetching.outage import Failures
from regraft.identity import Digest
from regraft.links.memory import all_known_links
from regraft.menagerie.drawing import drawing, encoded
from regraft.pipeline import steps
from regraft.pipeline.bench import Bench
from regraft.pipeline.results import FetchedLane, FetchedShard, Lane, Shard, in_rounds, onward_lanes
from regraft.pipeline.run import open_run
from regraft.store.store import Store
from tests.hostile import Talk, ok, serving
from tests.under_way import UnderWay

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("crew")]

PER_HOST = 2
LINKS = 48
ANSWER_S = 0.02
"""How long each answer takes at least, so that requests overlap."""
PICTURES = [encoded(drawing("cat", f"redirects {number}"), "JPEG") for number in range(4)]
OWN_COLUMNS = ["url", "category", "reason", "final_url", "digest", "attempts", "outcome"]


@dataclass
class Moved:
    """A web whose hosts have all moved to one, some of them by way of another; and how many asked each at a time."""

    under_way: UnderWay = field(default_factory=UnderWay)

    def answer(self, talk: Talk) -> None:
        host, path = urlsplit(talk.path).netloc, urlsplit(talk.path).path
        with self.under_way.counted(host):
            talk.wait(ANSWER_S)
        talk.say(self._page(host, int(path.strip("/"))))

    def _page(self, host: str, number: int) -> bytes:
        if host == "new.example.org":
            return b"HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n" if number % 3 == 0 else ok(PICTURES[number % 4])
        is_direct = host == "between.example.net" or number % 2
        target = "new.example.org" if is_direct else "between.example.net"
        return f"HTTP/1.1 301 M\r\nLocation: http://{target}/{number}\r\nContent-Length: 0\r\n\r\n".encode()


def job(folder: Path, proxy: str, machines: int, processes: int = 1) -> Config:
    categories = {}
    for name, first in (("cat", 0), ("lion", 1)):
        urls = [f"http://old{number % 12}.example.com/{number}" for number in range(first, LINKS, 2)]
        (folder / name).write_text("\n".join(urls))
        categories[name] = {"list": str(folder / name), "label": {"mean": 40, "std": 8}}
    settings = {"per_host": PER_HOST, "processes": processes, "connections": 16, "proxy": proxy, "attempts": 1}
    config = parse_config(
        {"name": "moved", "store": str(folder / "store"), "categories": categories, "fetch": settings}
    )
    engine = EngineSettings(kind="dask", address="tcp://nowhere:1") if machines > 1 else EngineSettings()
    return config.model_copy(update={"engine": engine})


def fetched_by(benches: Sequence[Bench], lanes: Sequence[Lane]) -> list[FetchedLane]:
    """Have machines, each with a bench of its own, fetch all lanes side by side."""

    def fetch(numbered: tuple[int, Lane]) -> FetchedLane:
        number, lane = numbered
        return steps.fetch(lane, benches[number % len(benches)])

    with ThreadPoolExecutor(max(1, len(lanes))) as threads:
        return list(threads.map(fetch, enumerate(lanes)))


def remembered(config: Config) -> pd.DataFrame:
    """What the store knows of links, but for when and how fast."""
    known = all_known_links(Store(config.store))
    return known[OWN_COLUMNS].sort_values("url", ignore_index=True)


def run(config: Config, machines: int) -> pd.DataFrame:
    """Fetch and screen on so many machines; return what the store then knows."""
    with open_run(config) as spec:
        benches = [Bench.of(spec), *(Bench(spec) for _ in range(machines - 1))]
        try:
            links = steps.read(benches[0])
            fetched = in_rounds(links.lanes, lambda lanes: fetched_by(benches, lanes))
            steps.screen(fetched, benches[0])
        finally:
            for bench in benches:
                bench.close()
    return remembered(config)


@pytest.mark.parametrize(("machines", "processes"), [(1, 4), (2, 2), (4, 1)])
def test_a_host_that_all_links_redirect_to_is_asked_by_so_many_connections_and_no_more(
    tmp_path: Path, machines: int, processes: int
) -> None:
    web = Moved()
    with serving(web.answer) as server:
        known = run(job(tmp_path, f"http://127.0.0.1:{server.port}", machines, processes), machines)
    assert set(web.under_way.peak) >= {"new.example.org", "between.example.net", "old0.example.com"}
    assert max(web.under_way.peak.values()) <= PER_HOST
    assert Counter(known["reason"]) == {"": LINKS - LINKS // 3, "gone": LINKS // 3}
    assert set(known["final_url"]) == {f"http://new.example.org/{number}" for number in range(LINKS)}
    assert set(known["attempts"]) == {1}
    names = Store(str(tmp_path / "store")).disk.sizes("links")
    assert not any("guests" in name for name in names), "each link is remembered in its own shard alone"


def test_what_a_lane_found_of_its_guests_survives_a_run_that_is_cut_off(tmp_path: Path) -> None:
    class CutOff(Exception):
        pass

    web = Moved()
    with serving(web.answer) as server:
        config = job(tmp_path, f"http://127.0.0.1:{server.port}", machines=2)
        with contextlib.suppress(CutOff), open_run(config) as spec:
            bench = Bench.of(spec)
            in_rounds(steps.read(bench).lanes, lambda lanes: fetched_by([bench], lanes))
            raise CutOff
        assert len(remembered(config)) < LINKS
        requests = len(server.request_lines)
        known = run(config, machines=2)
        assert len(server.request_lines) == requests, "the run that goes on asks for nothing again"
    assert len(known) == LINKS
    assert set(known["outcome"]) == {"checked_before"}


def test_a_lane_that_is_fetched_again_asks_its_guests_no_second_time(tmp_path: Path) -> None:
    web = Moved()
    with serving(web.answer) as server, open_run(job(tmp_path, f"http://127.0.0.1:{server.port}", machines=2)) as spec:
        bench = Bench.of(spec)
        first = fetched_by([bench], steps.read(bench).lanes)
        second = fetched_by([bench], onward_lanes(first))
        requests = len(server.request_lines)
        fetched_by([bench], onward_lanes(first))  # as after the death of the worker that had fetched them
        again = server.request_lines[requests:]
        assert all(line.startswith("GET http://between.example.net/") for line in again), "they lead on once more"
        assert sum(len(lane.shards) for lane in second) > 0


def test_lanes_share_by_links_what_the_lanes_of_their_guests_have_not_spent() -> None:
    guests = [Shard("links/05-0000.parquet", urls, Digest(""), "") for urls in (30, 10)]
    shard = FetchedShard("links/05-0000.parquet", Digest(""), None, onward={7: guests[0], 9: guests[1]})
    lanes = [FetchedLane(5, (shard,), Failures(), unspent=0.3), FetchedLane(6, (), Failures(), unspent=0.1)]
    first, second = onward_lanes(lanes)
    assert [(lane.number, lane.shards) for lane in (first, second)] == [(7, (guests[0],)), (9, (guests[1],))]
    assert [first.share, second.share] == pytest.approx([0.3, 0.1])
