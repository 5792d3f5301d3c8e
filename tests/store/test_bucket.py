"""Requests to a bucket cost money, so that there are few."""

import pandas as pd
import pytest

from regraft.identity import digest_of
from regraft.store import versions
from regraft.store.disk import disk_at
from regraft.store.store import Store
from regraft.store.tables import parquet
from tests.buckets import BucketServer


@pytest.fixture
def bucket_store(bucket: str) -> Store:
    return Store(f"{bucket}/store")


def test_a_picture_costs_one_request_to_keep_whether_it_is_there_or_not(
    bucket_store: Store, bucket: str, bucket_server: BucketServer
) -> None:
    before = bucket_server.count(bucket)
    digests = [bucket_store.blobs.put(f"picture {i % 5}".encode()) for i in range(10)]
    assert bucket_server.count(bucket) - before == 10
    assert bucket_store.blobs.among([*digests, digest_of(b"none")]) == set(digests)
    assert bucket_store.blobs.among(digests[:3]) == set(digests[:3])
    assert bucket_server.count(bucket) - before == 11, "one listing for all"
    assert bucket_store.blobs.read(digests[0]) == b"picture 0"
    assert bucket_server.count(bucket) - before == 12


def test_a_picture_that_was_fetched_here_is_read_without_a_request(
    bucket: str, bucket_server: BucketServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    nearby = tmp_path_factory.mktemp("nearby")
    store = Store(f"{bucket}/store", str(nearby))
    digest = store.blobs.put(b"picture")
    before = bucket_server.count(bucket)
    assert store.blobs.read(digest) == b"picture"
    assert bucket_server.count(bucket) == before
    (nearby / "blobs" / digest[:2] / digest[2:]).write_bytes(b"rot")
    assert store.blobs.read(digest) == b"picture", "what is damaged here is read from there"


def test_versions_are_found_by_one_listing(bucket_store: Store, bucket: str, bucket_server: BucketServer) -> None:
    names = [f"202601{day:02d}T000000Z" for day in range(1, 13)]
    for name in names:
        versions.publish(bucket_store, name, {"run.json": b"{}", "plots/a.png": b"a"})
    before = bucket_server.count(bucket)
    assert versions.names(bucket_store) == names
    assert bucket_server.count(bucket) - before == 1


def test_a_row_of_a_version_costs_few_requests(bucket_store: Store, bucket: str, bucket_server: BucketServer) -> None:
    numbers = range(100_000)
    links = pd.DataFrame({"url": [f"u{n:06d}" for n in numbers], "digest": [digest_of(b"%d" % n) for n in numbers]})
    files = {"links.parquet": parquet(links, sort_by="url"), "run.json": b"{}"}
    version = versions.publish(bucket_store, "20260101T000000Z", files)
    before = bucket_server.count(bucket)
    assert version.rows("links.parquet", "url", ["u054321"], ["digest"])["digest"].tolist() == [digest_of(b"54321")]
    assert bucket_server.count(bucket) - before <= 4


def test_a_folder_that_is_empty_costs_one_listing(bucket: str, bucket_server: BucketServer) -> None:
    disk = disk_at(f"{bucket}/store")
    assert disk.sizes("drafts") == {}
    assert bucket_server.count(bucket) == 2, "the other made the bucket"
