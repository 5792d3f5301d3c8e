"""Redirects between lanes on two Dask workers: hosts are asked as by one machine, also when a worker dies late."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest

from regraft.config import EngineSettings
from regraft.links.lanes import lane_of
from regraft.links.shards import lanes_for
from regraft.store.layout import Layout
from tests.clusters import Cluster, dask_cluster
from tests.flows.fetching import fetch_links
from tests.hostile import Talk, serving
from tests.moved_web import BUSY, LINKS, NEW, PER_HOST, RESULT_COLUMNS, Moved, job, remembered

pytestmark = pytest.mark.server
PAUSE_S = 2.0
"""The longest that a host is left alone for which asks for two minutes."""


@dataclass
class Watched(Moved):
    """That web; when its new host was asked so often, something is done."""

    after: int = 10**9
    is_reached: threading.Event = field(default_factory=threading.Event)

    def answer(self, talk: Talk) -> None:
        super().answer(talk)
        if len(self.began_at[NEW]) >= self.after:
            self.is_reached.set()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A scheduler and two workers."""
    with dask_cluster(tmp_path) as started:
        started.start_worker()
        started.start_worker()
        started.wait_for_workers(2)
        yield started


def run(folder: Path, web: Moved, engine: EngineSettings, on_start: Callable[[], None] = lambda: None) -> pd.DataFrame:
    """Fetch the links of that web; return what the store then knows of them."""
    folder.mkdir()
    with serving(web.answer) as server:
        proxy = f"http://127.0.0.1:{server.port}"
        config = job(folder, proxy, machines=1, processes=2, further=[BUSY], retry_after_s=PAUSE_S)
        on_start()
        fetch_links(config.model_copy(update={"engine": engine}))
    return remembered(config)[RESULT_COLUMNS]


@pytest.fixture
def on_one_machine(prefect_server: None, tmp_path: Path) -> pd.DataFrame:
    """What one machine finds."""
    return run(tmp_path / "one", Moved(), EngineSettings())


def test_redirects_between_lanes_come_to_the_same_on_a_cluster_though_a_worker_is_killed(
    on_one_machine: pd.DataFrame, cluster: Cluster, tmp_path: Path
) -> None:
    layout = Layout((1,) * lanes_for(LINKS))
    lanes = {lane_of(f"http://old{number}.example.com/", layout) for number in range(12)}
    assert len(lanes | {lane_of(f"http://{NEW}/", layout)}) > 1
    web = Watched(after=LINKS // 2)  # most of which come in the second round

    def kill() -> None:
        if web.is_reached.wait(120):
            cluster.workers[0].kill()

    known = run(
        tmp_path / "two",
        web,
        EngineSettings(kind="dask", address=cluster.address),
        on_start=threading.Thread(target=kill, daemon=True).start,
    )
    assert cluster.workers[0].wait(30) != 0, "it was killed"
    pd.testing.assert_frame_equal(known, on_one_machine)
    assert max(web.under_way.peak.values()) <= PER_HOST
    assert min(at for at in web.began_at[NEW] if at > web.busy_at[0] + PAUSE_S / 2) >= web.busy_at[0] + PAUSE_S
