"""Redirects between lanes: the host that they lead to is asked by one lane at a time, and nothing else changes."""

import contextlib
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from regraft.config import Config
from regraft.fetching.outage import Failures
from regraft.identity import Digest
from regraft.pipeline import steps
from regraft.pipeline.bench import Bench
from regraft.pipeline.results import FetchedLane, FetchedShard, Lane, Shard, in_rounds, onward_lanes
from regraft.pipeline.run import open_run
from regraft.store.store import Store
from tests.hostile import serving
from tests.moved_web import BUSY, LINKS, NEW, PER_HOST, Moved, job, remembered

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("crew")]

PAUSE_S = 1.0
"""The longest that a host is left alone for which asks for two minutes."""


def fetched_by(benches: Sequence[Bench], lanes: Sequence[Lane]) -> list[FetchedLane]:
    """Have machines, each with a bench of its own, fetch all lanes side by side."""

    def fetch(numbered: tuple[int, Lane]) -> FetchedLane:
        number, lane = numbered
        return steps.fetch(lane, benches[number % len(benches)])

    with ThreadPoolExecutor(max(1, len(lanes))) as threads:
        return list(threads.map(fetch, enumerate(lanes)))


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


def test_a_host_that_asked_to_be_left_alone_in_one_round_is_left_alone_in_the_next(tmp_path: Path) -> None:
    web = Moved()
    with serving(web.answer) as server:
        proxy = f"http://127.0.0.1:{server.port}"
        known = run(job(tmp_path, proxy, machines=2, further=[BUSY], per_host=1, retry_after_s=PAUSE_S), machines=2)
    (busy_at,) = web.busy_at
    later = [began_at for began_at in web.began_at[NEW] if began_at > busy_at]
    assert len(later) > LINKS / 2, "most lead there from other lanes"
    assert min(later) >= busy_at + PAUSE_S
    assert Counter(known["reason"]) == {"": LINKS - LINKS // 3, "gone": LINKS // 3, "rate_limited": 1}


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
