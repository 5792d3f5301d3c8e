"""A published version of the menagerie: made once, and copied for every test that wants one."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

if TYPE_CHECKING:  # `make check` uses none of this: it would be a second's work for nothing
    from regraft.config import Config
    from regraft.store.version import Version

CopyStore = Callable[[], str]
"""Copies the store that holds the one version, and returns the copy's folder."""


@pytest.fixture(scope="session")
def prefect_server(prefect_logging: None) -> Iterator[None]:
    """A Prefect server for all flows that run in this process."""
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=180):
        yield


@pytest.fixture(scope="session")
def menagerie_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a store with one version. Nobody writes to it: tests have copies.

    pytest-xdist's workers share it: the first one makes it, the others wait.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with FileLock(folder / "menagerie.lock"):
        if not (folder / "menagerie").exists():
            request.getfixturevalue("prefect_server")
            making = folder / "menagerie-in-the-making"
            from regraft import menagerie
            from regraft.flows.refresh import refresh

            refresh(menagerie.CONFIG.model_copy(update={"store": str(making)}))
            making.rename(folder / "menagerie")
    return folder / "menagerie"


@pytest.fixture(scope="session")
def copy_store(menagerie_store: Path, tmp_path_factory: pytest.TempPathFactory) -> CopyStore:
    def copy() -> str:
        return str(shutil.copytree(menagerie_store, tmp_path_factory.mktemp("copy") / "store"))

    return copy


@pytest.fixture
def first(copy_store: CopyStore) -> "Version":
    """The first version of the menagerie, in a store of the test's own."""
    from regraft.store import versions
    from regraft.store.store import Store

    return versions.newest(Store(copy_store()))


@pytest.fixture
def config(first: "Version") -> "Config":
    """The settings that the first version was made with: a run of them goes on in the test's own store."""
    from regraft import menagerie

    return menagerie.CONFIG.model_copy(update={"store": first.store.url})


@pytest.fixture
def known_web(menagerie_store: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store that knows the menagerie's links, pictures and features, and has no version.

    A first run on it learns and publishes as any other, but does not wait for links that hang, nor embed pictures.
    """
    from regraft.store.versions import CHAMPION

    ignore = shutil.ignore_patterns("versions", CHAMPION)
    return str(shutil.copytree(menagerie_store, tmp_path_factory.mktemp("known") / "store", ignore=ignore))
