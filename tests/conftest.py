"""What all tests share: their fixtures, and which tests want what.

Markers say what a test needs: `tensorflow`, `server` (any that it starts), `browser`, `web` (the replayed web).
Some of them follow from its fixtures. `make check` runs all that needs neither TensorFlow nor a server.

`make test` runs three processes, because many tests wait. Tests that share a costly fixture are a group, which one of
the processes runs; the groups that wait for a server begin first, so that the other tests fill the time. `make check`
runs two processes, one for each half of the rooms.
"""

import gc
import os
import re
import shutil
import sys
from pathlib import Path

import hypothesis
import pytest

from regraft.process import prepare_process
from regraft.store.store import Store

pytest_plugins = ["tests.buckets", "tests.command_line", "tests.deployed", "tests.networks", "tests.published"]

NEEDS = {
    "prefect_server": ("server",),
    "deployed": ("server",),
    "bucket": ("server",),
    "menagerie_store": ("server", "tensorflow"),
    "lite0": ("tensorflow",),
}
"""The markers that a fixture gives to the tests that use it."""
GROUPS = {"deployed": "deployed", "prefect_server": "flows"}
"""The group of the tests that use a fixture."""
MISSING = {
    "web": not os.environ.get("REGRAFT_WEB") and "REGRAFT_WEB names no folder with the replayed web",
    "browser": not shutil.which("chromium") and "there is no chromium here; Debian's package has that name",
}
"""Why the tests with a marker are skipped here."""
MAX_ID_LENGTH = 60
"""Characters of a test's case in its name."""
MODULE_MARKERS = re.compile(r"^pytestmark = .*", re.MULTILINE)
MARKER = re.compile(r"pytest\.mark\.(\w+)")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """The test's own, in a folder."""
    return Store(str(tmp_path))


def pytest_configure() -> None:
    prepare_process()  # as every program of Regraft's does, before any test imports Prefect or TensorFlow
    hypothesis.settings.register_profile("regraft", deadline=None)  # a busy machine proves nothing
    hypothesis.settings.load_profile("regraft")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("tensorflow"):
        from regraft.backbones.keras_import import import_keras

        import_keras()  # as every program of Regraft's does before it computes


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks for groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        for marker in [marker for fixture in NEEDS if fixture in fixtures for marker in NEEDS[fixture]]:
            item.add_marker(marker)
        for group in [GROUPS[fixture] for fixture in GROUPS if fixture in fixtures][:1]:
            item.add_marker(pytest.mark.xdist_group(group))
        for marker, reason in MISSING.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))

    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=begins)


def pytest_make_parametrize_id(val: object) -> str | None:
    """A case that is a long text is named by its beginning: one of a megabyte took a second to send about."""
    if isinstance(val, str | bytes) and len(val) > MAX_ID_LENGTH:
        return str(val[:MAX_ID_LENGTH])
    return None


def pytest_collection_finish() -> None:
    gc.freeze()  # what is imported by now stays: a second of looking through it for what does not, in each process


def begins(item: pytest.Item) -> int:
    """A place in the order of beginning: what waits longest is first."""
    groups = [*GROUPS.values()]
    group = item.get_closest_marker("xdist_group")
    if group and group.args[0] in groups:
        return groups.index(group.args[0])
    waits = [marker for marker in ("xdist_group", "server", "web", "tensorflow") if item.get_closest_marker(marker)]
    return len(groups) + (0 if waits else 1)


def leaves_out(config: pytest.Config, marker: str) -> bool:
    return f"not {marker}" in config.option.markexpr


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A module all of whose tests `-m` leaves out, say TensorFlow's, is not imported either, which takes seconds."""
    if collection_path.suffix != ".py" or "not " not in config.option.markexpr:
        return None
    markers = MARKER.findall("".join(MODULE_MARKERS.findall(collection_path.read_text())))
    return any(leaves_out(config, marker) for marker in markers) or None


def pytest_runtest_teardown(item: pytest.Item) -> None:
    if leaves_out(item.config, "tensorflow") and "tensorflow" in sys.modules:
        pytest.exit(f"{item.nodeid} has imported TensorFlow: mark it, or the module that did so at its top", 1)
