"""Copies on this machine go with whoever made them, and what a killed process left goes later."""

import mmap
import os
import subprocess
import sys
from pathlib import Path

import pytest

from regraft.store.disk import disk_at
from regraft.store.scratch import KEPT_S, Scratch, lasting_folder


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def make_old(folder: Path) -> None:
    long_ago = folder.stat().st_mtime - 2 * KEPT_S
    os.utime(folder, (long_ago, long_ago))


def test_a_folder_is_made_when_wanted_and_goes_when_closed(temporary: Path) -> None:
    scratch = Scratch()
    assert scratch.known_copy_of("a/b") is None
    assert list(temporary.iterdir()) == []
    scratch.copy_of("a/b").write_bytes(b"copy")
    assert scratch.known_copy_of("a/b") == scratch.copy_of("a/b")
    scratch.close()
    assert list(temporary.iterdir()) == []
    Scratch().close()


def test_what_a_killed_process_left_goes_a_day_later(temporary: Path) -> None:
    script = (
        "import os; from regraft.store.scratch import Scratch; s = Scratch(); print(s.path, flush=True); os._exit(9)"
    )
    environment = {**os.environ, "TMPDIR": str(temporary)}
    left = Path(subprocess.run([sys.executable, "-c", script], env=environment, stdout=-1, text=True).stdout.strip())
    kept = lasting_folder()
    assert left.exists()
    make_old(left)
    assert lasting_folder().exists()
    assert not left.exists()
    assert kept.exists()


def test_what_somebody_still_holds_or_made_himself_stays(temporary: Path) -> None:
    held, other = Scratch(), temporary / "regraft-scratch-link"
    elsewhere = temporary / "elsewhere"
    elsewhere.mkdir()
    other.symlink_to(elsewhere)
    for folder in (held.path, elsewhere):
        make_old(folder)
    lasting_folder()
    assert held.path.exists()
    assert elsewhere.exists()


def test_a_report_of_a_bucket_is_there_when_the_command_has_ended(temporary: Path) -> None:
    disk = disk_at(f"memory://{temporary.name}")
    disk.write("a/report.html", b"<html>")
    path = disk.local_copy("a/report.html")
    make_old(path.parent)
    scratch = Scratch()
    assert disk.local_copy("a/report.html", scratch).parent == scratch.path
    assert not path.exists(), "a day later"
    with pytest.raises(FileNotFoundError):
        disk.local_copy("a/none.html")
    assert len(list(temporary.iterdir())) == 1, "a file that is not there leaves no folder"


def test_a_folder_needs_no_copies(tmp_path: Path, temporary: Path) -> None:
    disk = disk_at(str(tmp_path / "store"))
    disk.write("a", b"1")
    before = sorted(temporary.iterdir())
    assert disk.local_copy("a", Scratch()) == tmp_path / "store/a"
    assert sorted(temporary.iterdir()) == before


def test_a_copy_that_is_open_stays_what_it_was(temporary: Path) -> None:
    disk, scratch = disk_at(f"memory://{temporary.name}"), Scratch()
    disk.write("a", b"before" * 9999)
    with disk.local_copy("a", scratch).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as seen:
        disk.write("a", b"after")
        assert disk.local_copy("a", scratch).read_bytes() == b"after"
        scratch.clear()
        assert list(scratch.path.iterdir()) == []
        assert seen[-6:] == b"before"
