"""A run on a bucket: what it costs in requests, cold and on a web that has not changed."""

import pytest

from regraft import menagerie
from regraft.config import Config
from regraft.errors import StoreError
from regraft.pipeline.bench import Bench
from regraft.pipeline.refresh import refresh
from regraft.pipeline.run import open_run
from regraft.store.store import Store
from tests.buckets import BucketServer

RUN_REQUESTS = 150
"""What a run asks of a bucket however many pictures there are: lock, versions, tables, the version's files. 123 were
measured, and a lock that is renewed on a slow machine asks for a few more."""


def run(config: Config) -> None:
    with menagerie.served(config) as reachable, open_run(reachable) as spec:
        refresh(Bench.of(spec))


@pytest.mark.tensorflow
def test_a_picture_costs_a_bucket_two_requests_at_most_and_an_unchanged_one_none(
    bucket: str, bucket_server: BucketServer
) -> None:
    config = menagerie.CONFIG.model_copy(update={"store": f"{bucket}/store"})
    run(config)
    cold = bucket_server.count(bucket)
    pictures = len(list(Store(config.store).blobs))
    before = bucket_server.count(bucket)
    run(config)
    unchanged = bucket_server.count(bucket) - before
    print(f"{pictures} pictures, {cold} requests cold, {unchanged} unchanged")
    assert cold <= 2 * pictures + RUN_REQUESTS
    assert unchanged <= 0.1 * pictures + RUN_REQUESTS
    writes = [path for method, path in bucket_server.requests(bucket) if method == "PUT" and "/blobs/" in path]
    assert len(writes) < 1.3 * pictures, "no picture is put again without need"
    assert not [path for method, path in bucket_server.requests(bucket) if method == "HEAD" and "/blobs/" in path]


def test_a_store_that_other_processes_cannot_see_is_refused() -> None:
    config = menagerie.CONFIG.model_copy(update={"store": "memory://store"})
    with pytest.raises(StoreError, match="memory of one process"), open_run(config):
        pass
