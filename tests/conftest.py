"""What all tests share: their fixtures, and which tests want what.

Markers tell what a test needs: `tensorflow`, `server` (a Prefect server), `browser`, `web` (the replayed web). `server`
follows from a test's fixtures. `make check` runs what needs neither TensorFlow nor a server.
"""

import os
import re
import shutil
import sys
from pathlib import Path

import hypothesis
import pytest

from regraft.process import prepare_process

pytest_plugins = ["tests.command_line", "tests.deployed", "tests.networks", "tests.published"]

NEEDS = {
    "prefect_server": ("server",),
    "deployed": ("server",),
    "menagerie_store": ("server", "tensorflow"),
    "lite0": ("tensorflow",),
}
"""The markers that a fixture gives to the tests that use it."""
MISSING = {
    "web": not os.environ.get("REGRAFT_WEB") and "REGRAFT_WEB names no folder with the replayed web",
    "browser": not shutil.which("chromium") and "there is no chromium here; Debian's package has that name",
}
"""Why the tests with a marker are skipped here."""
MARKED_MODULE = re.compile(r"^pytestmark = .*pytest\.mark\.tensorflow\b", re.MULTILINE)


def pytest_configure() -> None:
    prepare_process()  # as every program of Regraft's does, before any test imports Prefect or TensorFlow
    hypothesis.settings.register_profile("regraft", deadline=None)  # a busy machine proves nothing
    hypothesis.settings.load_profile("regraft")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for fixture in NEEDS.keys() & set(getattr(item, "fixturenames", ())):
            for marker in NEEDS[fixture]:
                item.add_marker(marker)
        for marker, reason in MISSING.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


def leaves_out_tensorflow(config: pytest.Config) -> bool:
    return "not tensorflow" in config.option.markexpr


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where `-m` leaves TensorFlow's tests out, their modules are not imported either, which would take seconds."""
    if collection_path.suffix != ".py" or not leaves_out_tensorflow(config):
        return None
    return MARKED_MODULE.search(collection_path.read_text()) is not None or None


def pytest_runtest_teardown(item: pytest.Item) -> None:
    if leaves_out_tensorflow(item.config) and "tensorflow" in sys.modules:
        pytest.exit(f"{item.nodeid} has imported TensorFlow: mark it, or the module that did so at its top", 1)
