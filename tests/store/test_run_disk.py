"""What a run reads of a bucket it reads once, as long as nobody else may have changed it."""

from collections.abc import Callable

import pytest

from regraft.errors import StoreError
from regraft.store.disk import disk_at
from tests.buckets import BucketServer


def test_a_run_reads_what_is_published_once_until_it_changes_it(bucket: str, bucket_server: BucketServer) -> None:
    disk = disk_at(f"{bucket}/store", is_held=True)
    disk.publish("versions/a", {"run.json": b"{}", "metrics.json": b"first"}, "run.json")

    def requests_for(*reads: Callable[[], object]) -> int:
        before = bucket_server.count(bucket)
        for read in reads * 3:
            read()
        return bucket_server.count(bucket) - before

    def names() -> list[str]:
        return disk.folders_with("versions", "run.json")

    assert requests_for(lambda: disk.read("versions/a/metrics.json"), names) == 1
    disk.write("versions/a/metrics.json", b"second")
    assert disk.read("versions/a/metrics.json") == b"second"
    assert names() == disk.names("versions") == ["a"]
    disk.publish("versions/b", {"run.json": b"{}"}, "run.json")
    with pytest.raises(StoreError, match="is there already"):
        disk.publish("versions/b", {"run.json": b"{}"}, "run.json")
    assert names() == disk.names("versions") == ["a", "b"]
    assert disk.sizes("versions/a") == {"versions/a/metrics.json": 6, "versions/a/run.json": 2}
    disk.withdraw("versions/a", "run.json")
    assert names() == disk.names("versions") == ["b"]
    with pytest.raises(FileNotFoundError):
        disk.read("versions/a/run.json")


def test_a_run_reads_once_what_is_known_of_pictures_and_shards_each_time(
    bucket: str, bucket_server: BucketServer
) -> None:
    disk, other = disk_at(f"{bucket}/store", is_held=True), disk_at(f"{bucket}/store")
    paths = {"store.json": 1, "links/placeholders.parquet": 1, "links/ab12/03-0007.parquet": 3}
    for path, count in paths.items():
        other.write(path, b"before")
        before = bucket_server.count(bucket)
        assert [disk.read(path) for _ in range(3)] == [b"before"] * 3
        assert bucket_server.count(bucket) - before == count
        disk.write(path, b"after")
        assert disk.read(path) == b"after"


def test_a_run_that_no_other_machine_works_for_reads_and_lists_once_what_it_wrote(
    bucket: str, bucket_server: BucketServer
) -> None:
    disk, other = disk_at(f"{bucket}/store", is_held=True, is_alone=True), disk_at(f"{bucket}/store")
    shard, part = "links/ab12/03-0007.parquet", "features/lite0/aa.npy"
    assert disk.names("features/lite0") == []
    disk.write(shard, b"first")
    disk.write(part, b"rows")
    before = bucket_server.count(bucket)
    assert disk.read(shard) == b"first"
    assert disk.names("features/lite0") == ["aa.npy"]
    disk.write(shard, b"first")
    assert bucket_server.count(bucket) == before, "nor is it written again"
    disk.write(shard, b"second")
    disk.delete(part)
    assert other.read(shard) == disk.read(shard) == b"second"
    assert other.names("features/lite0") == disk.names("features/lite0") == []
    disk.delete_folder("links/ab12")
    with pytest.raises(FileNotFoundError):
        disk.read(shard)


def test_one_listing_tells_a_run_what_is_not_there(bucket: str, bucket_server: BucketServer) -> None:
    disk, other = disk_at(f"{bucket}/store", is_held=True, is_alone=True), disk_at(f"{bucket}/store")
    other.write("removals.parquet", b"before")
    before = bucket_server.count(bucket)
    assert disk.sizes("links") == {}
    assert not disk.exists("removing.json")
    disk.delete_folder("drafts")
    disk.write("links/misfiled.parquet", b"now")
    with pytest.raises(FileNotFoundError):
        disk.read("links/doubtful.parquet")
    assert disk.create("drafts/ab/cdef", b"now")
    assert bucket_server.count(bucket) - before == 3, "a listing, and what was written"
    assert disk.read("links/misfiled.parquet") == other.read("links/misfiled.parquet") == b"now"
    assert disk.read("removals.parquet") == b"before"
    assert disk.exists("removals.parquet")
    disk.delete_folder("drafts")
    assert other.sizes("drafts") == {}


def test_a_run_looks_each_time_for_what_others_may_write(bucket: str) -> None:
    disk, other = disk_at(f"{bucket}/store", is_held=True, is_alone=True), disk_at(f"{bucket}/store")
    paths = ["decisions/00000001.json", "champion.json", "blobs/ab/cdef"]
    assert not any(map(disk.exists, paths))
    for path in paths:
        other.write(path, b"now")
    assert all(map(disk.exists, paths))
    assert [disk.read(path) for path in paths] == [b"now"] * 3
    shared = disk_at(f"{bucket}/store", is_held=True)
    assert shared.sizes("links") == {}
    other.write("links/a/00-0000.parquet", b"now")
    assert shared.read("links/a/00-0000.parquet") == b"now"


def test_large_published_files_are_read_each_time(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regraft.store.run_disk.MAX_KEPT_BYTES", 10)
    disk, other = disk_at(f"{bucket}/store", is_held=True), disk_at(f"{bucket}/store")
    for name, data in [("large", b"x" * 11), ("one", b"x" * 6), ("two", b"y" * 6)]:
        disk.write(f"versions/a/{name}", data)
        disk.read(f"versions/a/{name}")
        other.write(f"versions/a/{name}", b"changed")
    assert [disk.read(f"versions/a/{name}") for name in ("two", "one", "large")] == [b"y" * 6, b"changed", b"changed"]
