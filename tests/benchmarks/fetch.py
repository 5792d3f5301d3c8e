"""Fetching and judging against img2dataset, on one list, one server, one machine, in turn.

    python tests/benchmarks/fetch.py                  # three rounds of 5,000 links against img2dataset
    python tests/benchmarks/fetch.py memory           # peak memory at 5,000 and at 50,000 links
    python tests/benchmarks/fetch.py refresh          # `regraft run` twice: a cold run, and one on an unchanged web

img2dataset runs in an environment of its own, made beside this file's temporary folder on the first run, with what
was best on two cores: as many processes as cores, 64 threads each, 224 px centre crop. Regraft hashes every byte,
decodes every picture to its end, keeps it in the store, and screens all links together. The limit is the same server
drained by bare urllib3, nothing decoded and nothing kept.
"""

import argparse
import contextlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from contenders import CORES, THREADS

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CACHE = Path(tempfile.gettempdir()) / "regraft-benchmarks"
MEMORY = Path("/dev/shm")
"""Where both keep what they fetched, if it is there: the noise of a disk would drown what is compared."""
IMG2DATASET = "img2dataset==1.47.0"


@dataclass(frozen=True)
class Cost:
    """What one contender's turn cost."""

    seconds: float
    cpu_s: float
    peak_mib: float


@contextlib.contextmanager
def served(count: int, size: str) -> Iterator[int]:
    """Serve pictures while the context lasts; yield the port."""
    command = [sys.executable, str(HERE / "pictures.py"), str(count), size]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield int(server.stdout.readline())
        finally:
            server.kill()


def sent(port: int) -> tuple[int, int]:
    """Requests answered, and bytes of pictures sent so far."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/stats") as answer:
        requests, size = answer.read().split()
    return int(requests), int(size)


@contextlib.contextmanager
def prefect_server(folder: Path) -> Iterator[dict[str, str]]:
    """A Prefect server of its own, as scheduled runs have one; yield the environment that leads to it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    api = f"http://127.0.0.1:{port}/api"
    settings = {"PREFECT_HOME": str(folder / "prefect"), "PREFECT_API_URL": api, "DO_NOT_TRACK": "1"}
    environment = {**os.environ, **settings, "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    command = [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            for _ in range(240):
                time.sleep(0.5)
                with contextlib.suppress(OSError), urllib.request.urlopen(f"{api}/health"):
                    break
            yield environment
        finally:
            server.terminate()


def measured(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end; its seconds, CPU seconds and peak memory include its processes'."""
    began = time.monotonic()
    words = [str(word) for word in command]
    environment = {**(os.environ if environment is None else environment)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # what pip installs is compiled once, and so is a checkout
    process = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=sys.stderr)
    peak = Peak(process.pid)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.monotonic() - began
    peak.stop()
    if status != 0:
        raise SystemExit(f"{command} ended with {status}")
    return Cost(seconds, used.ru_utime + used.ru_stime, peak.mib)


class Peak:
    """Watches the memory of a process and its children: proportional set size, so that shared pages count once."""

    def __init__(self, pid: int):
        self.mib = 0.0
        self._pid, self._ended = pid, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.2):
            self.mib = max(self.mib, sum(map(pss_kib, family(self._pid))) / 1024)


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    pids = [pid]
    for parent in pids:
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{parent}/task"):
                pids += [int(child) for child in Path(f"/proc/{parent}/task/{task}/children").read_text().split()]
    return pids


def pss_kib(pid: int) -> int:
    """Proportional set size of a process."""
    with contextlib.suppress(OSError, IndexError):
        return int(Path(f"/proc/{pid}/smaps_rollup").read_text().split("\nPss:")[1].split()[0])
    return 0


def scratch() -> tempfile.TemporaryDirectory[str]:
    """A folder for what one table needs, in memory where that can be."""
    return tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)


# the contenders


def img2dataset() -> Path:
    """The rival's command, installed into an environment of its own."""
    environment = CACHE / "img2dataset"
    if not (environment / "bin" / "img2dataset").exists():
        print(f"installing {IMG2DATASET} ...", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        subprocess.run([environment / "bin" / "pip", "install", "--quiet", IMG2DATASET], check=True)
    return environment / "bin" / "img2dataset"


def rival(urls: Path, folder: Path) -> list[str | Path]:
    return [
        img2dataset(),
        "--url_list",
        urls,
        "--output_folder",
        folder,
        "--output_format",
        "files",
        "--processes_count",
        str(CORES),
        "--thread_count",
        str(THREADS),
        "--image_size",
        "224",
        "--resize_mode",
        "center_crop",
        "--number_sample_per_shard",
        "1250",
        "--enable_wandb",
        "False",
    ]


def ours(urls: Path, folder: Path) -> list[str | Path]:
    return [sys.executable, HERE / "contenders.py", "regraft", urls, folder]


def bare(urls: Path, folder: Path) -> list[str | Path]:
    return [sys.executable, HERE / "contenders.py", "bare", urls, folder]


# the tables


def against(count: int, rounds: int) -> None:
    """Print the table of all contenders, round by round and in the median."""
    img2dataset()
    costs: dict[str, list[Cost]] = {"img2dataset": [], "regraft": [], "regraft, again": [], "bare urllib3": []}
    with served(count, "large") as port, scratch() as name:
        folder = Path(name)
        urls = folder / "urls.txt"
        urls.write_text("".join(f"http://127.0.0.1:{port}/{number}.jpg\n" for number in range(count)))
        for turn in range(rounds):
            store = folder / f"store-{turn}"
            costs["img2dataset"].append(measured(rival(urls, folder / f"rival-{turn}")))
            costs["regraft"].append(measured(ours(urls, store)))
            _, before = sent(port)
            costs["regraft, again"].append(measured(ours(urls, store)))
            transferred = sent(port)[1] - before
            costs["bare urllib3"].append(measured(bare(urls, folder)))
            line = "  ".join(f"{who} {count / cost[-1].seconds:.0f}/s" for who, cost in costs.items())
            print(f"round {turn + 1}: {line}; image bytes sent to the second run: {transferred}", flush=True)
            shutil.rmtree(store)
            shutil.rmtree(folder / f"rival-{turn}")
    base = statistics.median(cost.seconds for cost in costs["img2dataset"])
    print(f"\n{count} links, 20% dead, about 100 kB each; {CORES} cores; medians of {rounds} rounds")
    print(f"{'':16}{'links/s':>9}{'seconds':>9}{'CPU s':>8}{'peak MiB':>10}{'x img2dataset':>15}")
    for who, turns in costs.items():
        seconds, cpu_s, peak = (
            statistics.median(getattr(t, f) for t in turns) for f in ("seconds", "cpu_s", "peak_mib")
        )
        print(f"{who:16}{count / seconds:9.0f}{seconds:9.2f}{cpu_s:8.1f}{peak:10.0f}{base / seconds:15.2f}")


def memory() -> None:
    """Print peak memory at 5,000 and at 50,000 links, and the ratio."""
    peaks = []
    for count in (5_000, 50_000):
        with (
            served(count, "large") as port,
            scratch() as name,
        ):
            urls = Path(name) / "urls.txt"
            urls.write_text("".join(f"http://127.0.0.1:{port}/{number}.jpg\n" for number in range(count)))
            cost = measured(ours(urls, Path(name) / "store"))
            peaks.append(cost.peak_mib)
            print(f"{count:6} links: peak {cost.peak_mib:.0f} MiB, {count / cost.seconds:.0f} links/s", flush=True)
    print(f"ratio {peaks[1] / peaks[0]:.2f}")


def refresh(count: int) -> None:
    """Print what whole runs on a Prefect server cost: one from nothing, and two on an unchanged web."""
    with served(count, "large") as port, scratch() as name, prefect_server(Path(name)) as environment:
        folder = Path(name)
        job = [f"name: benchmark\nstore: {folder / 'store'}\nfetch:\n  allow: ['127.0.0.1:{port}']"]
        job += [f"  per_host: {THREADS}\n  connections: {THREADS}\ncategories:"]
        for place, category in enumerate(("one", "two")):
            urls = [f"http://127.0.0.1:{port}/{number}.jpg\n" for number in range(place, count, 2)]
            (folder / f"{category}.txt").write_text("".join(urls))
            job += [f"  {category}: {{list: {category}.txt, label: {{mean: {100 - 60 * place}, std: 10}}}}"]
        (folder / "job.yaml").write_text("\n".join(job))
        command: list[str | Path] = [sys.executable, "-m", "regraft.flows.cli", "run", folder / "job.yaml", "--json"]
        whole, steps = [], []
        for turn in ("cold", "again", "again"):
            _, before = sent(port)
            cost = measured(command, environment)
            [*_, newest] = sorted((folder / "store" / "versions").iterdir())
            took = json.loads((newest / "run.json").read_text())["timings"]
            whole.append(cost.seconds)
            steps.append(sum(took.values()))
            parts = ", ".join(f"{step} {seconds:.1f}" for step, seconds in took.items())
            print(f"{turn}: {cost.seconds:.1f} s, {steps[-1]:.1f} s of it in steps ({parts}); ", end="")
            print(f"{sent(port)[1] - before:,} image bytes", flush=True)
    print(f"refresh / cold: {max(whole[1:]) / whole[0]:.1%} of all, {max(steps[1:]) / steps[0]:.1%} of the steps")


def main() -> None:
    asks = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asks.add_argument("what", nargs="?", default="against", choices=["against", "memory", "refresh"])
    asks.add_argument("--links", type=int, default=5_000)
    asks.add_argument("--rounds", type=int, default=3)
    arguments = asks.parse_args()
    match arguments.what:
        case "memory":
            memory()
        case "refresh":
            refresh(arguments.links)
        case _:
            against(arguments.links, arguments.rounds)


if __name__ == "__main__":
    main()
