"""What the command line costs before it does anything, and what Prefect adds to a run of the menagerie.

    python tests/benchmarks/startup.py

A plain `python -c pass` is the floor. What Prefect adds is the whole command's time less that of its steps, as run.json
tells them: its import, its server's start, its bookkeeping; once with a temporary server of its own, as `regraft run`
has it, and once with a server that is there already, as scheduled runs have it.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from fetch import ROOT, prefect_server

ROUNDS = 7
REGRAFT = [sys.executable, "-m", "flows.cli"]


def seconds(command: list[str], environment: Mapping[str, str] | None = None) -> float:
    """How long a command takes."""
    began = time.monotonic()
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    return time.monotonic() - began


def commands(store: str) -> None:
    """Print the table of commands that only look."""
    shown = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "import tensorflow": [sys.executable, "-c", "import tensorflow"],
        "import prefect": [sys.executable, "-c", "import prefect"],
        "regraft --help": [*REGRAFT, "--help"],
        "regraft versions": [*REGRAFT, "versions", "--store", store],
        "regraft show": [*REGRAFT, "show", "--store", store],
        "regraft links HOST": [*REGRAFT, "links", "photos.savanna.example", "--store", store],
    }
    took: dict[str, list[float]] = {name: [] for name in shown}
    for _ in range(ROUNDS):
        for name, command in shown.items():
            took[name].append(seconds(command))
    print(f"\n{'':20}{'median s':>10}{'least s':>10}   of {ROUNDS} rounds in turn")
    for name, times in took.items():
        print(f"{name:20}{statistics.median(times):10.2f}{min(times):10.2f}")


def runs(folder: Path) -> str:
    """Print what Prefect adds to runs of the menagerie; return a store with versions."""
    own = {**os.environ, "PREFECT_HOME": str(folder / "own")}
    print(f"{'menagerie':44}{'whole s':>9}{'steps s':>9}{'Prefect s':>11}")
    store = str(folder / "store")
    told(store, "first run, first start of Prefect ever", own)
    told(store, "second run, temporary server", own)
    with prefect_server(folder) as there:
        told(store, "third run, a server that is there", there)
    return store


def told(store: str, what: str, environment: Mapping[str, str]) -> None:
    """Run the menagerie once and print a row."""
    whole = seconds([*REGRAFT, "run", "--store", store], environment)
    [*_, newest] = sorted((Path(store) / "versions").iterdir())
    steps = sum(json.loads((newest / "run.json").read_text())["timings"].values())
    print(f"{what:44}{whole:9.1f}{steps:9.1f}{whole - steps:11.1f}", flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        commands(runs(Path(name)))
