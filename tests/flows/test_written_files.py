"""Files that commands write: whole, or what was there before stays."""

import os
from pathlib import Path

import pytest

from regraft.errors import StoreError
from regraft.flows.cli.written_files import write_file
from tests.disks import files_limited_to


@pytest.mark.parametrize("before", [None, b"earlier predictions"])
def test_a_file_for_which_there_is_no_room_leaves_what_was_there(tmp_path: Path, before: bytes | None) -> None:
    path = tmp_path / "table.csv"
    if before:
        path.write_bytes(before)
    with files_limited_to(100), pytest.raises(StoreError, match=r"table\.csv cannot be written: File too large\."):
        write_file(path, bytes(1000))
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == ({"table.csv": before} if before else {})


def test_a_file_keeps_its_permissions_and_a_link_stays_one(tmp_path: Path) -> None:
    path, link = tmp_path / "table.csv", tmp_path / "link.csv"
    path.write_bytes(b"before")
    path.chmod(0o640)
    link.symlink_to("table.csv")
    write_file(link, b"after")
    assert link.is_symlink()
    assert path.read_bytes() == b"after"
    assert path.stat().st_mode & 0o777 == 0o640


def test_what_is_no_file_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_file(pipe, b"predictions")
    assert os.read(reader, 100) == b"predictions"
    assert pipe.is_fifo()
