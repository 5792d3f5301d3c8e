"""No command that runs beside others and is killed hurts a store."""

import subprocess
import sys

import pytest

from tests.processes import without_prefect

pytestmark = pytest.mark.server  # among the commands that are tried is one that serves the curator's pages


def test_commands_side_by_side_may_be_killed_at_any_moment() -> None:
    rounds = [sys.executable, "-m", "tests.store.races", "3"]
    played = subprocess.run(rounds, capture_output=True, text=True, env=without_prefect(), timeout=500)
    assert (played.returncode, played.stderr) == (0, "")
    assert "tried 3 rounds of 6 commands, held 3" in played.stdout
