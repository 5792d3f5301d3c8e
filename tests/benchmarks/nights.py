"""What it costs to keep the real, rotten lists alive: a cold run, a run right after it, and a run each night.

    REGRAFT_WEB=FOLDER python tests/benchmarks/nights.py                  # seven nights on which nothing changes
    REGRAFT_WEB=FOLDER python tests/benchmarks/nights.py --rotting        # on which links die, come back and change

FOLDER holds the replayed web. Each run is a process of its own, without Prefect, whose clock says when it begins; the
web starts anew for each run, so its flaky hosts are flaky every night.
"""

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WEB = os.environ.get("REGRAFT_WEB", "")
FIRST_NIGHT = datetime(2026, 11, 1, 3, tzinfo=UTC)


@dataclass(frozen=True)
class Cost:
    """What one run cost."""

    seconds: float
    megabytes: float
    """Bodies that the web sent, in millions of bytes."""
    requests: int
    steps: dict[str, float]
    """Seconds by step of the run."""


@contextlib.contextmanager
def replayed(seed: int, epoch: int) -> Iterator[str]:
    """Serve the web so many refreshes later while the context lasts; yield the proxy's address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, f"{WEB}/replay.py", "--port", str(port), "--seed", str(seed), "--epoch", str(epoch)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as replay:
        assert replay.stderr is not None
        try:
            for line in replay.stderr:
                if "replaying on" in line:
                    break
            yield f"http://127.0.0.1:{port}"
        finally:
            replay.terminate()


def cost_of_run(store: Path, seed: int, epoch: int, now: datetime) -> Cost:
    """Run once in a process of its own, by a clock that says `now`."""
    with replayed(seed, epoch) as proxy:
        began = time.monotonic()
        subprocess.run([sys.executable, __file__, "run", store, proxy, now.isoformat()], check=True)
        seconds = time.monotonic() - began
        through_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({"http": proxy}))
        stats = json.load(through_proxy.open("http://replay.test/stats"))
    newest = max((store / "versions").iterdir())
    steps = json.loads((newest / "run.json").read_text())["timings"]
    return Cost(seconds, stats["bytes_out"] / 1e6, stats["requests"] + stats["not_modified"], steps)


def run(store: Path, proxy: str, now: datetime) -> None:
    """Refresh the tutorial's lists once, without Prefect."""
    sys.path.insert(0, str(ROOT))
    from regraft.process import prepare_process

    prepare_process()
    from regraft.config_file import load_config, parse_config
    from regraft.pipeline.bench import Bench
    from regraft.pipeline.refresh import refresh
    from regraft.pipeline.run import open_run

    lists = {name: f"{WEB}/lists/imagenet_{name}.txt" for name in ("tiger", "kittycat")}
    settings = load_config(ROOT / "examples" / "felidae.yaml", lists).model_dump()
    settings |= {"store": str(store), "fetch": settings["fetch"] | {"proxy": proxy}}
    with open_run(parse_config(settings), now=now) as spec:
        refresh(Bench.of(spec))


def nights(count: int, seed: int, is_rotting: bool) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        print(f"{'':14}{'seconds':>8}{'':>6}{'MB':>8}{'':>7}{'requests':>10}  seconds by step")
        cold = cost_of_run(store, seed, 0, FIRST_NIGHT)
        print_row("cold", cold, cold)
        print_row("right after", cost_of_run(store, seed, 0, FIRST_NIGHT + timedelta(minutes=5)), cold)
        costs = []
        for night in range(1, count + 1):
            costs.append(cost_of_run(store, seed, night if is_rotting else 0, FIRST_NIGHT + timedelta(days=night)))
            print_row(f"night {night}", costs[-1], cold)
        seconds, megabytes = (sum(getattr(cost, name) for cost in costs) / count for name in ("seconds", "megabytes"))
        print(f"a night in the mean: {seconds / cold.seconds:.1%} of the time, {megabytes / cold.megabytes:.1%} of MB")


def print_row(name: str, cost: Cost, cold: Cost) -> None:
    """Print what a run cost, and what share of the cold run's that is."""
    steps = ", ".join(f"{step} {seconds:.1f}" for step, seconds in cost.steps.items())
    print(
        f"{name:14}{cost.seconds:8.1f}{cost.seconds / cold.seconds:6.0%}"
        f"{cost.megabytes:8.1f}{cost.megabytes / cold.megabytes:7.1%}{cost.requests:10}  {steps}",
        flush=True,
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        run(Path(sys.argv[2]), sys.argv[3], datetime.fromisoformat(sys.argv[4]))
        sys.exit()
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--nights", type=int, default=7)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--rotting", action="store_true")
    chosen = options.parse_args()
    if not WEB:
        sys.exit("REGRAFT_WEB must name the folder of the replayed web.")
    nights(chosen.nights, chosen.seed, chosen.rotting)
