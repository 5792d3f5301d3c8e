"""A run on two Dask workers and a bucket is the same as on one machine, also where one of the workers is killed."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import pytest

from regraft import menagerie
from regraft.config import Config, EngineSettings
from regraft.errors import EngineError
from regraft.flows.engine import cluster as open_cluster
from regraft.menagerie import server
from regraft.menagerie.fates import Fate
from regraft.menagerie.web import Web
from regraft.pipeline.run import open_run
from regraft.pipeline.spec import RunSpec
from regraft.store import versions
from regraft.store.store import Store
from regraft.store.version import Version
from regraft.tasks.bench import bench_of
from tests.clusters import Cluster, dask_cluster
from tests.under_way import UnderWay

pytestmark = [pytest.mark.tensorflow, pytest.mark.server]
PER_HOST = 2
ANSWER_S = 0.03
"""How long each answer of the web takes at least, so that requests overlap."""


@dataclass
class Visits:
    """What the menagerie's web was asked for, by whom at a time."""

    urls: Counter[str] = field(default_factory=Counter)
    under_way: UnderWay = field(default_factory=UnderWay)
    """Requests under way, by host."""
    kill: threading.Event = field(default_factory=threading.Event)
    """Set when the web was asked for `kill_after` links."""
    kill_after: int = 10**9
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def visit(self, url: str) -> Iterator[None]:
        host = urlsplit(url).netloc
        with self.lock:
            self.urls[url] += 1
            if self.urls.total() >= self.kill_after:
                self.kill.set()
        with self.under_way.counted(host):
            time.sleep(ANSWER_S)
            yield


@pytest.fixture
def visits(monkeypatch: pytest.MonkeyPatch) -> Visits:
    """Count what the menagerie's web is asked for."""
    counted, answer = Visits(), server._Handler.do_GET

    def do_get(handler: Any) -> None:
        if handler.server.web.fates.get(handler.path) is Fate.HANG:  # whose server does not see that nobody waits
            answer(handler)
            return
        with counted.visit(handler.path):
            answer(handler)

    monkeypatch.setattr(server._Handler, "do_GET", do_get)
    return counted


@pytest.fixture
def cluster(tmp_path: Path, bucket: str) -> Iterator[Cluster]:
    """A scheduler; its workers know the bucket."""
    with dask_cluster(tmp_path) as started:
        yield started


def job(cluster: Cluster, store: str) -> Config:
    fetch = menagerie.CONFIG.fetch.model_copy(update={"per_host": PER_HOST, "processes": 2})
    engine = EngineSettings(kind="dask", address=cluster.address)
    return menagerie.CONFIG.model_copy(update={"store": store, "fetch": fetch, "engine": engine})


def hurried(*runs: Version) -> pd.DataFrame:
    """The links that timed out in one of the runs and do not hang: a busy machine proves nothing."""
    fates, links = Web().fates, pd.concat([version.table("links.parquet") for version in runs])
    timed_out = set(links["url"][links["reason"] == "timeout"])
    return links[links["url"].isin({url for url in timed_out if fates[url] is not Fate.HANG})]


def verdicts(version: Version, left_out: pd.DataFrame) -> pd.DataFrame:
    links = version.table("links.parquet")[["url", "category", "verdict", "reason", "digest"]]
    links = links[~links["url"].isin(set(left_out["url"]))]
    return links.sort_values(["url", "category"], ignore_index=True)


def manifest(version: Version, left_out: pd.DataFrame) -> pd.DataFrame:
    rows = version.table("manifest.parquet")
    return rows[~rows["digest"].isin(set(left_out["digest"]))].sort_values("digest", ignore_index=True)


def test_a_run_on_a_cluster_with_a_worker_killed_is_as_on_one_machine(
    prefect_server: None, cluster: Cluster, bucket: str, visits: Visits, menagerie_store: Path
) -> None:
    from regraft.flows.refresh import refresh

    first, _ = cluster.start_worker(), cluster.start_worker()
    cluster.wait_for_workers(2)
    visits.kill_after = 100

    def kill() -> None:
        if visits.kill.wait(300):
            first.kill()

    threading.Thread(target=kill, daemon=True).start()
    refresh(job(cluster, f"{bucket}/store"))
    assert first.wait(30) != 0, "it was killed"
    here, there = versions.newest(Store(str(menagerie_store))), versions.newest(Store(f"{bucket}/store"))
    left_out = hurried(here, there)
    assert left_out["url"].nunique() < 10
    pd.testing.assert_frame_equal(verdicts(there, left_out), verdicts(here, left_out))
    pd.testing.assert_frame_equal(manifest(there, left_out), manifest(here, left_out))
    assert max(visits.under_way.peak.values()) <= PER_HOST
    fates = Web().fates
    again = {url for url, count in visits.urls.items() if count > 1 and fates.get(url) is Fate.PHOTO}
    print(len(again), visits.under_way.peak)
    assert len(again) < 100, "what was remembered before the worker died is not asked for again"


@pytest.fixture
def spec(cluster: Cluster, bucket: str) -> Iterator[RunSpec]:
    """A run under way on the cluster."""
    with open_run(job(cluster, f"{bucket}/store")) as opened:
        yield opened


def refusal(cluster: Cluster, spec: RunSpec) -> str:
    """The sentence with which a cluster is refused."""
    with pytest.raises(EngineError) as error:
        open_cluster(cluster.address, spec).__enter__()
    assert error.value.exit_code == 15
    assert "\n" not in str(error.value)
    return str(error.value)


def task_on_each_worker(cluster: Cluster, spec: RunSpec) -> None:
    """Have each worker begin a task of the run, as one that joins while it is under way does."""
    from distributed import Client

    with Client(cluster.address, set_as_default=False) as client:
        for worker in client.scheduler_info()["workers"]:
            client.submit(lambda: str(bench_of(spec)), workers=[worker], pure=False).result(60)


def test_a_scheduler_that_is_not_there_is_named(spec: RunSpec) -> None:
    nowhere = Cluster("tcp://127.0.0.1:9", {}, Path())
    assert "The Dask scheduler at tcp://127.0.0.1:9 does not answer" in refusal(nowhere, spec)


def test_workers_that_cannot_work_for_a_run_are_refused(cluster: Cluster, spec: RunSpec) -> None:
    assert "has no workers" in refusal(cluster, spec)
    cluster.start_worker()
    cluster.wait_for_workers(1)
    with open_cluster(cluster.address, spec):
        pass
    weights = spec.config.backbone.model_copy(update={"name": "vgg16", "weights": "/nowhere/vgg16.npy"})
    without_weights = replace(spec, config=spec.config.model_copy(update={"backbone": weights}))
    assert "/nowhere/vgg16.npy" in refusal(cluster, without_weights)
    assert "does not see this run in the store" in refusal(cluster, replace(spec, run_id="another"))
    older = cluster.start_worker("from regraft.pipeline import provenance\nprovenance.__version__ = '0.0.1'\n")
    cluster.wait_for_workers(2)
    assert "it has Regraft 0.0.1" in refusal(cluster, spec)
    with pytest.raises(EngineError, match=r"^The Dask worker \S+ cannot work for this run: it has Regraft 0\.0\.1"):
        task_on_each_worker(cluster, spec)
    older.kill()
    cluster.wait_for_workers(1)
    cluster.start_worker("import sys\nsys.modules['regraft'] = None\n")
    cluster.wait_for_workers(2)
    assert "it cannot call Regraft" in refusal(cluster, spec)
