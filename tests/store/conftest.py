"""A store of each kind of disk for every test: a folder, a file system of fsspec, and a bucket."""

import uuid
from pathlib import Path

import pytest

from regraft.store.store import Store


@pytest.fixture(params=["local", "memory", pytest.param("bucket", marks=pytest.mark.server)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    match request.param:
        case "local":
            return Store(str(tmp_path / "store"))
        case "memory":
            return Store(f"memory://{uuid.uuid4().hex}")
        case _:
            return Store(f"{request.getfixturevalue('bucket')}/store")
