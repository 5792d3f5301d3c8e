"""Stores with pictures: made once for all tests of removals, and copied for each of them."""

import shutil
from pathlib import Path

import pytest

from regraft.identity import Digest
from regraft.store.store import Store
from regraft.store.version import Version
from tests.upkeep.pictured import NAMES, SPLITS, put_pictures, url_of


@pytest.fixture(scope="session")
def pictured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a store with pictures, to be copied."""
    folder = tmp_path_factory.mktemp("pictured") / "store"
    put_pictures(Store(str(folder)), has_examples=False)
    return folder


@pytest.fixture
def store(pictured: Path, tmp_path: Path) -> Store:
    return Store(str(shutil.copytree(pictured, tmp_path / "store")))


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the same store with a plot of examples."""
    folder = tmp_path_factory.mktemp("drawn") / "store"
    put_pictures(Store(str(folder)))
    return folder


@pytest.fixture
def drawn_store(drawn: Path, tmp_path: Path) -> Store:
    return Store(str(shutil.copytree(drawn, tmp_path / "store")))


@pytest.fixture
def digests(pictured: Path) -> list[Digest]:
    """The pictures, in the order of their links."""
    links = Version(Store(str(pictured)), NAMES[0]).table("links.parquet").set_index("url")
    return [Digest(links["digest"][url_of(number)]) for number in range(len(SPLITS))]
