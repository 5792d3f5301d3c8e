"""A run on a bucket: what it costs in requests, cold and on a web that has not changed."""

from collections import Counter
from pathlib import Path

import pytest

from regraft import menagerie
from regraft.config import Config
from regraft.errors import StoreError
from regraft.pipeline.bench import Bench
from regraft.pipeline.refresh import refresh
from regraft.pipeline.run import open_run
from regraft.store import versions
from regraft.store.store import Store
from tests.buckets import BucketServer, Request
from tests.replayed_web import job, replayed

RUN_REQUESTS = 100
"""What a run asks of a bucket however many pictures there are: lock, versions, tables, the version's files. Some 85
were measured, and locks that are renewed on a slow machine ask for a few more."""
UNCHANGED_REQUESTS = 72
"""The same on a web that has not changed, where a model is used again: 67 were measured."""


def run(config: Config) -> None:
    with menagerie.served(config) as reachable, open_run(reachable) as spec:
        refresh(Bench.of(spec))


def requests_of_two_runs(config: Config, bucket: str, server: BucketServer) -> tuple[list[Request], list[Request]]:
    """Run twice, and return what each asked of the bucket."""
    run(config)
    cold = server.requests(bucket)
    run(config)
    unchanged = server.requests(bucket)[len(cold) :]
    pictures = len(list(Store(config.store).blobs))
    print(f"{pictures} pictures, {len(cold)} requests cold, {len(unchanged)} unchanged")
    return cold, unchanged


def count(requests: list[Request]) -> int:
    """How many requests these are, but for those with which a slow machine renews its lock and keeps what it has."""
    of_time = Counter(request for request in requests if "/lock" in request[1] or "/links/" in request[1])
    return len(requests) - sum(max(0, times - 2) for times in of_time.values())


def is_model_used_again(config: Config) -> bool:
    """Whether the second run found what the first had; else a link timed out then: a busy machine proves nothing."""
    first, second = versions.published(Store(config.store))
    return second.run.model_of == first.name


@pytest.mark.tensorflow
def test_a_picture_costs_a_bucket_two_requests_at_most_and_an_unchanged_one_none(
    bucket: str, bucket_server: BucketServer
) -> None:
    config = menagerie.CONFIG.model_copy(update={"store": f"{bucket}/store"})
    cold, unchanged = requests_of_two_runs(config, bucket, bucket_server)
    pictures = len(list(Store(config.store).blobs))
    assert count(cold) <= 2 * pictures + RUN_REQUESTS
    if is_model_used_again(config):
        assert count(unchanged) <= UNCHANGED_REQUESTS
        assert not [path for method, path in unchanged if method == "GET" and path.startswith("/store/blobs/")]
    writes = [path for method, path in [*cold, *unchanged] if method == "PUT" and "/blobs/" in path]
    assert len(writes) < 1.3 * pictures, "no picture is put again without need"
    assert not [path for method, path in [*cold, *unchanged] if method == "HEAD" and "/blobs/" in path]


@pytest.mark.tensorflow
@pytest.mark.web
def test_the_real_lists_cost_a_bucket_little(bucket: str, bucket_server: BucketServer, tmp_path: Path) -> None:
    with replayed(tmp_path) as web:
        config = job(f"{bucket}/store", web.proxy)
        cold, unchanged = requests_of_two_runs(config, bucket, bucket_server)
    pictures = len(list(Store(config.store).blobs))
    assert count(cold) <= 2.2 * pictures
    if is_model_used_again(config):
        assert count(unchanged) <= 0.1 * pictures


def test_a_store_that_other_processes_cannot_see_is_refused() -> None:
    config = menagerie.CONFIG.model_copy(update={"store": "memory://store"})
    with pytest.raises(StoreError, match="memory of one process"), open_run(config):
        pass
