"""What only a bucket has: requests that cost money, a lock that is no file system's, and many ways not to be there."""

import json
import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from regraft.errors import LockedError, StoreError
from regraft.identity import digest_of
from regraft.store import versions
from regraft.store.disk import disk_at
from regraft.store.lease import Lease, Tagged, leased, release_all
from regraft.store.locks import LOCK
from regraft.store.remote_disk import RemoteDisk
from regraft.store.store import Store
from regraft.store.tables import parquet
from tests.buckets import CREDENTIALS, BucketServer
from tests.hostile import serving
from tests.processes import until

LEASE = timedelta(minutes=2)
WRONG = datetime(1970, 1, 1, tzinfo=UTC)


class Clock:
    """A bucket's clock, set by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)


class BucketWithClock(RemoteDisk):
    """A bucket that tells the age of its files by such a clock."""

    def __init__(self, url: str, clock: Clock):
        super().__init__(url)
        self._clock, self._written_at = clock, dict[str, datetime]()

    def create_tagged(self, path: str, data: bytes) -> str | None:
        return self._dated(path, super().create_tagged(path, data))

    def swap(self, path: str, data: bytes, tag: str) -> str | None:
        return self._dated(path, super().swap(path, data, tag))

    def _dated(self, path: str, tag: str | None) -> str | None:
        if tag is not None:
            self._written_at[path] = self._clock.now
        return tag

    def read_tagged(self, path: str) -> Tagged:
        tagged = super().read_tagged(path)
        assert tagged.age_s is not None
        assert 0 <= tagged.age_s < 300, "the bucket's own word"
        return tagged._replace(age_s=(self._clock.now - self._written_at.get(path, self._clock.now)).total_seconds())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bucket_store(bucket: str, clock: Clock) -> Store:
    url = f"{bucket}/store"
    return Store(url, disk=BucketWithClock(url, clock))


def lease(store: Store, own_clock: datetime = WRONG) -> Lease:
    """A machine's side of the store's lock; what its own clock says does not matter."""
    return Lease(store.disk, LOCK, LEASE, lambda: own_clock)  # type: ignore[arg-type]


def holder(store: Store) -> str:
    return str(json.loads(store.disk.read(LOCK))["owner"])


# the lock


def test_a_lock_is_renewed_and_counts_as_long_as_it_is(bucket_store: Store, clock: Clock) -> None:
    first, second = lease(bucket_store), lease(bucket_store)
    assert first.take()
    for _ in range(5):
        clock.now += LEASE * 0.9
        assert not second.take()
        assert first.renew()


def test_a_renewal_is_one_request(bucket_store: Store, bucket: str, bucket_server: BucketServer) -> None:
    held = lease(bucket_store)
    assert held.take()
    before = bucket_server.count(bucket)
    assert [held.renew() for _ in range(5)] == [True] * 5
    assert bucket_server.count(bucket) - before == 5


def test_a_renewal_whose_answer_was_lost_loses_no_lock(bucket_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    held, swap = lease(bucket_store), bucket_store.disk.swap  # type: ignore[attr-defined]
    assert held.take()

    def swap_unheard(*args: object) -> str:
        swap(*args)
        raise StoreError("the network is down")

    with monkeypatch.context() as patch:
        patch.setattr(bucket_store.disk, "swap", swap_unheard)
        with pytest.raises(StoreError):
            held.renew()
    assert held.renew()
    assert held.renew()
    assert not lease(bucket_store).take()


def test_a_lock_that_nobody_renewed_is_taken_over_and_its_first_holder_leaves_it_alone(
    bucket_store: Store, clock: Clock
) -> None:
    first, second = lease(bucket_store), lease(bucket_store)
    assert first.take()
    clock.now += LEASE
    assert second.take()
    owner = holder(bucket_store)
    assert not first.renew()
    first.release()
    assert holder(bucket_store) == owner, "only its owner frees a lock"
    second.release()
    assert not bucket_store.disk.exists(LOCK)


def test_only_one_of_many_takes_a_lock_over(bucket_store: Store, clock: Clock) -> None:
    assert lease(bucket_store).take()
    clock.now += LEASE
    many = [lease(bucket_store) for _ in range(8)]
    together, taken = threading.Barrier(len(many)), []

    def take(candidate: Lease) -> None:
        together.wait()
        taken.append(candidate.take())

    threads = [threading.Thread(target=take, args=(each,)) for each in many]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [False] * 7 + [True]


@pytest.mark.parametrize("apart", [timedelta(minutes=10), timedelta(minutes=-10), timedelta(days=9999)])
def test_the_clocks_of_two_machines_may_be_apart(bucket_store: Store, clock: Clock, apart: timedelta) -> None:
    first, second = lease(bucket_store, clock.now), lease(bucket_store, clock.now + apart)
    assert first.take()
    assert not second.take(), "it is held, whatever the second machine's clock says"
    clock.now += LEASE * 0.9
    assert first.renew()
    clock.now += LEASE * 0.9
    assert not second.take()
    clock.now += LEASE * 0.1
    assert second.take(), "its holder is dead, whatever time it has written there"


def test_whoever_lost_the_store_to_another_changes_nothing_more(bucket_store: Store, bucket: str) -> None:
    bench = disk_at(bucket_store.address, is_held=True)
    with leased(bucket_store.disk, LOCK, 0, timedelta(seconds=0.4)):  # type: ignore[arg-type]
        bucket_store.disk.write(LOCK, b'{"owner": "another"}')
        until("the next renewal notices", lambda: is_refused(lambda: bench.write("a", b"")), 30)
        assert is_refused(lambda: bench.create("b", b""))
        assert is_refused(lambda: bench.delete(LOCK))
        assert is_refused(lambda: bench.delete_folder("drafts"))
        assert is_refused(lambda: bench.publish("versions/a", {"run.json": b"{}"}, "run.json"))
        disk_at(f"{bucket}/another store").write("a", b"")
    assert holder(bucket_store) == "another"
    bucket_store.disk.write("c", b"")
    assert not bucket_store.disk.names("versions")


def is_refused(change: Callable[[], object]) -> bool:
    try:
        change()
    except LockedError as error:
        return "Another run has taken over" in str(error)
    return False


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"[]", b"{}", b'"text"', b'{"until": 5}', b'{"until": "2099-01-01T00:00:00"}', b'{"until": null}'],
)
def test_a_lock_with_odd_content_is_nobodys(bucket_store: Store, content: bytes) -> None:
    bucket_store.disk.write(LOCK, content)
    with bucket_store.held(), pytest.raises(LockedError), Store(bucket_store.url).held():
        pass
    assert not bucket_store.disk.exists(LOCK)


def test_a_program_that_is_ended_frees_its_locks(bucket_store: Store) -> None:
    with bucket_store.held():
        release_all()
        with Store(bucket_store.url).held():
            owner = holder(bucket_store)
        assert owner


HELD = """
import sys, time
from regraft.flows.cli.app import app, exit_with_message
from regraft.store.store import Store

@app.command()
def hold(url: str) -> None:
    with exit_with_message(), Store(url).held():
        print("held", flush=True)
        time.sleep(600)

app(["hold", sys.argv[1]])
"""
"""A command that changes a store for a long time."""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_command_that_is_stopped_frees_its_lock(bucket_store: Store, number: signal.Signals) -> None:
    command = [sys.executable, "-c", HELD, bucket_store.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as held:
        assert held.stdout is not None
        assert held.stdout.readline() == "held\n"
        assert bucket_store.disk.exists(LOCK)
        held.send_signal(number)
        _, message = held.communicate(timeout=60)
    assert held.returncode == 130
    assert message.startswith("regraft: stopped.")
    assert message.count("\n") == 1
    assert not bucket_store.disk.exists(LOCK)


def test_a_lock_says_who_holds_it(bucket_store: Store) -> None:
    assert lease(bucket_store).take()
    assert {"owner", "until", "host", "pid"} <= set(json.loads(bucket_store.disk.read(LOCK)))


# requests


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


# what can be wrong


@contextmanager
def answering(status: int, code: str) -> Iterator[str]:
    """A bucket that answers everything with one error; yields its endpoint."""

    body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    head = f"HTTP/1.1 {status} No\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
    with serving(lambda talk: talk.say(head + body)) as server:
        yield server.url.rstrip("/")


def failure(monkeypatch: pytest.MonkeyPatch, endpoint: str, **environment: str | None) -> str:
    """The sentence with which a store at an endpoint is refused."""
    for name, value in ({**CREDENTIALS, "AWS_ENDPOINT_URL": endpoint} | environment).items():
        monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()  # which remembers the endpoint
    with pytest.raises(StoreError) as error:
        Store(f"s3://nowhere-{endpoint.rpartition(':')[2]}/store")
    assert "\n" not in str(error.value)
    assert error.value.exit_code == 3
    return str(error.value)


@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        (404, "NoSuchBucket", "there is no such bucket"),
        (403, "AccessDenied", "refuses these credentials (AccessDenied)"),
        (403, "InvalidAccessKeyId", "refuses these credentials (InvalidAccessKeyId)"),
        (403, "SignatureDoesNotMatch", "refuses these credentials (SignatureDoesNotMatch)"),
        (400, "ExpiredToken", "refuses these credentials (ExpiredToken)"),
        (501, "NotImplemented", "cannot be used (NotImplemented: no)."),
    ],
)
def test_a_bucket_that_refuses_is_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, status: int, code: str, sentence: str
) -> None:
    with answering(status, code) as endpoint:
        assert sentence in failure(monkeypatch, endpoint)


def test_an_endpoint_that_is_down_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert "does not answer" in failure(monkeypatch, "http://127.0.0.1:9")


def test_missing_credentials_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    none = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "AWS_EC2_METADATA_DISABLED": "true"}
    assert "without credentials" in failure(monkeypatch, "http://127.0.0.1:10", **none)


def test_a_bucket_that_asks_for_fewer_requests_is_named_after_some_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr("s3fs.S3FileSystem.retries", 1)
    with answering(503, "SlowDown") as endpoint:
        assert "asks for fewer requests (SlowDown)" in failure(monkeypatch, endpoint)


@pytest.mark.parametrize(
    ("status", "code"),
    [(500, "InternalError"), (500, ""), (502, "BadGateway"), (503, "ServiceUnavailable"), (504, ""), (520, "")],
)
def test_a_bucket_with_trouble_of_its_own_is_named_after_some_tries(
    monkeypatch: pytest.MonkeyPatch, status: int, code: str
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr("s3fs.S3FileSystem.retries", 1)
    with answering(status, code) as endpoint:
        assert f"has trouble of its own (HTTP {status}), and still had" in failure(monkeypatch, endpoint)


def test_a_renewal_that_fails_is_tried_again(
    bucket_store: Store, clock: Clock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = lease(bucket_store)
    assert held.take()
    monkeypatch.setattr(held, "_lease", timedelta(seconds=0.2))
    failed = threading.Event()

    def fail(path: str, data: bytes, tag: str) -> str:
        failed.set()
        raise StoreError("the network is down")

    monkeypatch.setattr(bucket_store.disk, "swap", fail)
    with caplog.at_level(logging.WARNING, "regraft"), held.renewed():
        assert failed.wait(30)
    assert "could not be renewed" in caplog.text


# a run's disk


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


def test_a_folder_that_is_empty_costs_one_listing(bucket: str, bucket_server: BucketServer) -> None:
    disk = disk_at(f"{bucket}/store")
    assert disk.sizes("drafts") == {}
    assert bucket_server.count(bucket) == 2, "the other made the bucket"


def test_large_published_files_are_read_each_time(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regraft.store.run_disk.MAX_KEPT_BYTES", 10)
    disk, other = disk_at(f"{bucket}/store", is_held=True), disk_at(f"{bucket}/store")
    for name, data in [("large", b"x" * 11), ("one", b"x" * 6), ("two", b"y" * 6)]:
        disk.write(f"versions/a/{name}", data)
        disk.read(f"versions/a/{name}")
        other.write(f"versions/a/{name}", b"changed")
    assert [disk.read(f"versions/a/{name}") for name in ("two", "one", "large")] == [b"y" * 6, b"changed", b"changed"]
