"""A folder and a bucket are the same to a store: whole files, put in place whole, locked by one at a time."""

import errno
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from regraft.errors import StoreError
from regraft.store.disk import Disk, disk_at
from regraft.store.scratch import Scratch
from regraft.store.store import Store

LEASE = timedelta(hours=1)


@pytest.fixture
def disk(store: Store) -> Disk:
    return store.disk


def test_a_file_is_read_as_it_was_written_last(disk: Disk) -> None:
    disk.write("a/b", b"first")
    disk.write("a/b", b"second")
    disk.write_once("a/c", b"third")
    disk.settle()
    assert (disk.read("a/b"), disk.read("a/c")) == (b"second", b"third")
    assert disk.names("a") == ["b", "c"]
    assert (disk.exists("a/b"), disk.size("a/b")) == (True, 6)


def test_what_is_not_there_is_missing_and_not_an_error(disk: Disk) -> None:
    assert (disk.exists("a"), disk.size("a"), disk.names("a"), disk.sizes("a")) == (False, 0, [], {})
    disk.delete("a")
    disk.delete_folder("a")
    with pytest.raises(FileNotFoundError):
        disk.read("a")


def test_a_pipe_in_a_files_place_keeps_nobody_waiting(tmp_path: Path) -> None:
    disk = disk_at(str(tmp_path))
    os.mkfifo(tmp_path / "a")
    assert disk.read("a") == b""
    with disk.opened("a") as file:
        assert file.read() == b""
    with pytest.raises(FileNotFoundError):
        disk.local_copy("a")
    disk.write_once("a", b"data")
    assert disk.read("a") == b"data"


def test_only_the_first_creates_a_file(disk: Disk) -> None:
    assert disk.create("a", b"first")
    assert not disk.create("a", b"second")
    assert disk.read("a") == b"first"


def test_a_published_folder_is_there_as_a_whole_and_once(disk: Disk) -> None:
    disk.publish("v/1", {"last": b"1", "plots/x": b"22"}, last="last")
    assert disk.sizes("v") == {"v/1/last": 1, "v/1/plots/x": 2}
    with pytest.raises(StoreError, match="never changes"):
        disk.publish("v/1", {"last": b"3"}, last="last")
    assert disk.read("v/1/last") == b"1"
    assert disk.folders_with("v", "last") == ["1"]
    assert disk.folders_with("v", "x") == []
    assert disk.present("v", ["v/1/last", "v/1/plots/x", "v/2/last"]) == {"v/1/last", "v/1/plots/x"}
    disk.delete_folder("v/1")
    assert disk.sizes("v") == {}


def test_a_lock_has_one_holder_and_is_free_afterwards(disk: Disk) -> None:
    disk.write("file", b"")
    with disk.lock("lock", 0, LEASE):
        with pytest.raises(TimeoutError), disk.lock("lock", 0, LEASE):
            pass
        with disk.lock("other", 0, LEASE):
            pass
    with disk.lock("lock", 0, LEASE):
        pass


def test_the_lock_of_a_holder_that_failed_is_free(disk: Disk) -> None:
    disk.write("file", b"")
    with pytest.raises(ZeroDivisionError), disk.lock("lock", 0, LEASE):
        raise ZeroDivisionError
    with disk.lock("lock", 0, LEASE):
        pass


@pytest.mark.parametrize(
    "content",
    [json.dumps({"until": (datetime.now(UTC) - LEASE).isoformat()}).encode(), b"", b"[]", b"{}"],
    ids=["passed", "empty", "list", "without end"],
)
def test_a_lease_that_has_passed_or_says_nothing_is_taken_over(content: bytes, tmp_path: Path) -> None:
    disk = disk_at(f"memory://{tmp_path.name}")
    disk.write("lock", content)
    with disk.lock("lock", 0, LEASE), pytest.raises(TimeoutError), disk.lock("lock", 0, LEASE):
        pass


def test_a_file_can_be_opened_by_other_programs_wherever_it_lies(disk: Disk) -> None:
    disk.write("a/report.html", b"<html>")
    path = disk.local_copy("a/report.html")
    assert (path.name, path.read_bytes()) == ("report.html", b"<html>")
    with pytest.raises(FileNotFoundError):
        disk.local_copy("a/none.html")


def test_where_no_copy_can_be_made_on_this_machine_a_sentence_says_so() -> None:
    disk, scratch = disk_at("memory://copied"), Scratch()
    disk.write("a/features.npy", b"rows")
    scratch.path.rmdir()  # as whoever tidies up temporary files does
    with pytest.raises(StoreError, match=r"a/features.npy of the store memory://copied cannot be copied .* TMPDIR"):
        disk.local_copy("a/features.npy", scratch)


def test_a_disk_says_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert disk_at("artifacts").address == str(tmp_path / "artifacts")
    assert disk_at(f"file://{tmp_path}/artifacts").address == str(tmp_path / "artifacts")
    assert disk_at("memory://bucket/prefix/").address == "memory://bucket/prefix"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nonsense://bucket", "Protocol not known: nonsense"),
        ("ftp://127.0.0.1:1/store", "Connection refused"),
        ("reference://store", "ReferenceFileSystem"),
        ("s3://", "it names no bucket; write s3://BUCKET/FOLDER"),
        ("s3:///store", "it names no bucket; write s3://BUCKET/FOLDER"),
    ],
)
def test_a_url_that_cannot_be_opened_is_refused_in_a_sentence(url: str, why: str) -> None:
    with pytest.raises(StoreError, match=f"^The store {url} cannot be opened: {why}"):
        disk_at(url)


def test_a_folder_or_an_endless_link_in_a_files_place_is_no_file_and_is_replaced(tmp_path: Path) -> None:
    disk = disk_at(str(tmp_path))
    for name in ("folder", "link"):
        for change in (disk.write, disk.write_once, lambda path, data: disk.delete(path)):
            (tmp_path / "folder/inner").mkdir(parents=True)
            (tmp_path / "link").symlink_to("link")
            assert disk.sizes("") == {}
            with pytest.raises(FileNotFoundError):
                disk.read(name)
            with pytest.raises(FileNotFoundError), disk.opened(name):
                pass
            change(name, b"whole")
            assert (tmp_path / name).is_file() == disk.exists(name)
            assert not disk.exists(name) or disk.read(name) == b"whole"
            for other in ("folder", "link"):
                disk.delete(other)


def test_a_link_to_nothing_is_no_file(tmp_path: Path) -> None:
    disk = disk_at(str(tmp_path))
    disk.write("folder/whole", b"whole")
    (tmp_path / "folder/link").symlink_to("nothing")
    assert disk.sizes("folder") == {"folder/whole": 5}


def test_a_copy_for_programs_that_may_not_be_read_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = disk_at(str(tmp_path))
    disk.write("a", b"a table")

    def refused(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as context:  # to the superuser no permission applies
        context.setattr("regraft.store.local_disk.os.open", refused)
        with pytest.raises(StoreError, match=r"/a cannot be read: Permission denied\."):
            disk.local_copy("a")
    assert disk.local_copy("a") == tmp_path / "a"
