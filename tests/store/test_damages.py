"""Whatever file of a store is damaged, commands say one sentence, nothing gets worse, and the next run goes on."""

import re
import subprocess
import sys

import pytest

from tests.processes import without_prefect

pytestmark = pytest.mark.server  # among the commands that are tried is one that serves the curator's pages


def test_no_damaged_file_keeps_a_command_from_its_sentence_or_a_run_from_going_on() -> None:
    some = [sys.executable, "-m", "tests.store.damages", "300"]
    tried = subprocess.run(some, capture_output=True, text=True, env=without_prefect(), timeout=500)
    assert (tried.returncode, tried.stderr) == (0, "")
    counts = re.fullmatch(r"tried (\d+), held (\d+)", tried.stdout.split("\n")[-2])
    assert counts is not None
    assert int(counts[1]) > 5  # more where the superuser does not try them
    assert counts[1] == counts[2]
