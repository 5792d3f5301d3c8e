"""A store of each kind of disk for every test: a folder, and a file system of fsspec."""

import uuid
from pathlib import Path

import pytest

from regraft.store.store import Store


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store") if request.param == "local" else f"memory://{uuid.uuid4().hex}")
