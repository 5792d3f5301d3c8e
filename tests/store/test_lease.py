"""The lock of a store in a bucket, which is no file system's: who holds it, until when, and who may take it over."""

import json
import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from regraft.errors import LockedError, StoreError
from regraft.store.disk import disk_at
from regraft.store.lease import Lease, Tagged, leased, release_all
from regraft.store.locks import LOCK
from regraft.store.remote_disk import RemoteDisk
from regraft.store.store import Store
from tests.buckets import BucketServer
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
