"""A store of each kind of disk for every test."""

from pathlib import Path

import pytest

from regraft.store.store import Store
from tests.disks import DISKS, store_on


@pytest.fixture(params=DISKS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return store_on(request, tmp_path)
