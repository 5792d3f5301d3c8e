"""A store on each kind of disk: a folder, a file system of fsspec, and a bucket; and a disk that is as good as full."""

import contextlib
import resource
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from regraft.store.store import Store

DISKS = ["folder", "memory", pytest.param("bucket", marks=pytest.mark.server)]
"""The parameters of a fixture that has a test run on each of them."""


def store_on(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store on the disk that is the fixture's parameter."""
    match request.param:
        case "folder":
            return Store(str(tmp_path / "store"))
        case "memory":
            return Store(f"memory://{uuid.uuid4().hex}")
        case _:
            return Store(f"{request.getfixturevalue('bucket')}/store")


@contextlib.contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """Let this process write no file of more bytes, as if the disk were full by then."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
