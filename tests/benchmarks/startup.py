"""What the command line costs before it does anything, and what Prefect adds to a run of the menagerie.

    python tests/benchmarks/startup.py

What Prefect adds is a whole `regraft run`, less the same steps called one after the other without Prefect: its import,
its server's start, its bookkeeping; with a temporary server, as `regraft run` has it, and with one that is there, as
schedules have. Prefect's database is made before, as `make`'s set-up does, and that is timed by itself.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from fetch import ROOT, prefect_server

ROUNDS = 5
RUNS = 3
SETTLE_S = 20
"""A server that is there has done what it does at its start."""
REGRAFT = [sys.executable, "-m", "regraft.flows.cli"]


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
        "regraft links URL": [*REGRAFT, "links", "http://photos.savanna.example/tiger/035.jpg", "--store", store],
    }
    took: dict[str, list[float]] = {name: [] for name in shown}
    for _ in range(ROUNDS):
        for name, command in shown.items():
            took[name].append(seconds(command))
    print(f"\n{'':20}{'median s':>10}{'least s':>10}   of {ROUNDS} rounds in turn")
    for name, times in took.items():
        print(f"{name:20}{statistics.median(times):10.2f}{min(times):10.2f}")


def runs(folder: Path) -> str:
    """Print what Prefect adds to runs of the menagerie, each into a store of its own; return one of the stores."""
    own = {**os.environ, "PREFECT_HOME": str(folder / "own")}
    run = [*REGRAFT, "run", "--store"]
    database = seconds([sys.executable, "-m", "prefect", "server", "database", "upgrade", "--yes"], own)
    first = seconds([*run, str(folder / "first")], own)
    took: dict[str, list[float]] = {
        "without Prefect": [],
        "with a temporary server": [],
        "with a server that is there": [],
    }
    for turn in range(RUNS):
        store = str(folder / f"store-{turn}")
        took["without Prefect"].append(seconds([sys.executable, __file__, "bare", f"{store}-bare"]))
        took["with a temporary server"].append(seconds([*run, f"{store}-own"], own))
        with prefect_server(folder) as there:  # there in its own turn only: it is busy where it idles, too
            time.sleep(SETTLE_S)
            took["with a server that is there"].append(seconds([*run, f"{store}-there"], there))
    print(
        f"{'a cold run of the menagerie':30}{'median s':>10}{'least s':>10}{'Prefect adds':>14}   {RUNS} rounds in turn"
    )
    base = statistics.median(took["without Prefect"])
    for name, times in took.items():
        added = statistics.median(times) - base
        print(f"{name:30}{statistics.median(times):10.1f}{min(times):10.1f}{added:14.1f}")
    print(f"{'the first start of Prefect':30}{first:10.1f}{'':10}{first - base:14.1f}")
    print(f"{'its database, in the set-up':30}{database:10.1f}")
    return f"{store}-own"


def bare(store: str) -> None:
    """Run the menagerie's steps without Prefect."""
    from regraft.process import prepare_process

    prepare_process()
    from regraft import menagerie
    from regraft.pipeline.bench import Bench
    from regraft.pipeline.refresh import refresh
    from regraft.pipeline.run import open_run

    config = menagerie.CONFIG.model_copy(update={"store": store})
    with menagerie.served(config) as reachable, open_run(reachable) as spec:
        refresh(Bench.of(spec))


if __name__ == "__main__":
    if sys.argv[1:2] == ["bare"]:
        sys.path.insert(0, str(ROOT))
        bare(sys.argv[2])
        sys.exit()
    with tempfile.TemporaryDirectory() as name:
        commands(runs(Path(name)))
