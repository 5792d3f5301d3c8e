"""One run at a time holds a store, and the next knows where one that was cut off began."""

import contextlib
import errno
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from regraft.errors import LockedError, StoreError
from regraft.store import locks, versions
from regraft.store.lease import Lease
from regraft.store.local_disk import LocalDisk
from regraft.store.locks import LOCK, MARKER, MARKER_LASTS
from regraft.store.remote_disk import RemoteDisk
from regraft.store.store import Store
from regraft.store.system_calls import SystemCalls

VERSION = "20260101T000000Z"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


def test_a_second_run_is_refused_while_one_is_under_way(store: Store) -> None:
    with store.run(), pytest.raises(LockedError, match="under way"), Store(store.url).run():
        pass
    with store.run():
        pass


def test_upkeep_is_refused_while_a_run_is_under_way(store: Store) -> None:
    with store.run(), pytest.raises(LockedError, match="under way"), Store(store.url).held():
        pass


def test_a_run_that_was_cut_off_is_taken_up_by_the_next(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.run("a", NOW) as first:
        raise ZeroDivisionError
    assert (first.since, first.cut_off) == (NOW, "")
    with store.run("b", LATER) as second:
        assert (second.since, second.cut_off) == (NOW, "a")
    with store.run("c", LATER) as third:
        assert (third.since, third.cut_off) == (LATER, "")


@pytest.mark.parametrize("marker", [b"", b"{", b"[]", b"{}", b'{"since": "yesterday"}'])
def test_a_marker_that_cannot_be_read_is_none(store: Store, marker: bytes) -> None:
    store.disk.write(MARKER, marker)
    with store.run("a", NOW) as start:
        assert (start.since, start.cut_off) == (NOW, "")


def test_a_store_that_cannot_be_written_says_so() -> None:
    with pytest.raises(StoreError, match="cannot be written"), Store("/proc/nowhere").run():
        pass


def test_a_run_that_was_cut_off_long_ago_is_not_gone_on_with(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.run("a", NOW):
        raise ZeroDivisionError
    much_later = NOW + timedelta(days=21)
    with store.run("b", much_later) as start:
        assert (start.since, start.cut_off) == (much_later - MARKER_LASTS, "a")


def test_a_run_that_a_clock_ahead_cut_off_began_no_later_than_the_next_one(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.run("a", LATER):
        raise ZeroDivisionError
    with store.run("b", NOW) as start:
        assert (start.since, start.cut_off) == (NOW, "a")


class AnswersLost(RemoteDisk):
    """A bucket whose answers to writes are lost: the library repeats them, and is refused, as they were done before."""

    def create_tagged(self, path: str, data: bytes) -> str | None:
        return super().create_tagged(path, data) and super().create_tagged(path, data)

    def swap(self, path: str, data: bytes, tag: str) -> str | None:
        return super().swap(path, data, tag) and super().swap(path, data, tag)


def test_a_lock_is_held_and_renewed_though_the_answers_to_its_writes_are_lost(tmp_path: Path) -> None:
    disk = AnswersLost(f"memory://{tmp_path.name}")
    now = [NOW]
    first, second = (Lease(disk, LOCK, timedelta(minutes=1), lambda: now[0]) for _ in range(2))
    assert first.take()
    assert not second.take()
    assert first.renew()
    assert first.renew()
    now[0] += timedelta(minutes=2)
    assert second.take()
    assert not first.renew()
    second.release()
    assert not disk.exists(LOCK)


class Refusing(SystemCalls):
    """A system that refuses locks, or every change."""

    def __init__(self, number: int, changes: bool = False):
        self._number, self._changes = number, changes

    def flock(self, descriptor: int) -> None:
        raise OSError(self._number, os.strerror(self._number))

    def create(self, path: str) -> int:
        if self._changes:
            raise OSError(self._number, os.strerror(self._number))
        return super().create(path)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS], ids=errno.errorcode.get)
def test_a_file_system_without_locks_is_refused_in_a_sentence(number: int, tmp_path: Path) -> None:
    store = Store(str(tmp_path), disk=LocalDisk(str(tmp_path), Refusing(number)))
    with pytest.raises(StoreError, match=r"/lock cannot be locked: .* a file system that has locks\."):
        store.run().__enter__()
    versions.publish(Store(str(tmp_path)), VERSION, {"run.json": b"{}"})
    with pytest.raises(StoreError, match=r"champion\.lock cannot be locked"):
        versions.promote(store, VERSION, None)


def test_promoting_in_a_store_that_cannot_be_written_is_refused_in_a_sentence(tmp_path: Path) -> None:
    versions.publish(Store(str(tmp_path)), VERSION, {"run.json": b"{}"})
    store = Store(str(tmp_path), disk=ReadOnly(str(tmp_path), Refusing(errno.EROFS, changes=True)))
    with pytest.raises(StoreError, match=r"champion\.json cannot be written: Read-only file system\. Mount it"):
        versions.promote(store, VERSION, None)
    assert versions.champion(store) is None


class ReadOnly(LocalDisk):
    """A folder whose locks are free and whose files stay as they are."""

    @contextlib.contextmanager
    def lock(self, name: str, wait_s: float, lease: timedelta) -> Iterator[None]:
        yield


def test_what_was_written_aside_is_swept_by_whoever_holds_the_store_next(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    digest = store.blobs.put(b"picture")
    aside = f"{store.blobs.at(digest).path}.0123456789ab-7"
    for path in ("tmp/0123", "tmp/4567/plots/x.png", aside):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"half of")
    assert [blob.digest for blob in store.blobs] == [digest]
    with store.held():
        assert store.disk.names("tmp") == []
        assert not store.disk.exists(aside)
    assert store.blobs.read(digest) == b"picture"


def test_nothing_is_swept_from_under_somebody_who_moves_the_champion(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    with locks.champion_locked(store.disk):
        (tmp_path / "tmp").mkdir()
        (tmp_path / "tmp" / "champion").write_bytes(b"about to be renamed")
        with Store(str(tmp_path)).held():
            assert store.disk.names("tmp") == ["champion"]
