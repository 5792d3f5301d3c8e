"""What each step of a refresh costs as the number of images grows: seconds, peak memory, and the exponent of growth.

    python tests/benchmarks/scale.py 10000 100000 1000000
    python tests/benchmarks/scale.py 100000 --categories 1000

The store is synthetic (`synthetic_store.py`): the memory of the links, their digests and the images' features. No
network is used and no picture is embedded; everything else of a refresh is done for real, by the pipeline's own steps,
and then the version is looked at. Each size runs in a process of its own. 1,000,000 images take 7 GB of disk.

With --again a second refresh follows, after one link of a hundred has left the lists: its head is measured against the
first one's.
"""

import argparse
import contextlib
import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regraft.config import Config

ROOT = Path(__file__).resolve().parents[2]
REGRAFT = [sys.executable, "-m", "regraft.flows.cli"]
LEFT_OUT_EVERY = 100
"""Of so many links one has left the lists before the second refresh."""
SAMPLED_EVERY_S = 0.01
HOST = "photos7.example.org"
"""A host with some of the links, however many there are."""


@dataclass(frozen=True)
class Cost:
    """What one step cost."""

    seconds: float
    cpu_s: float
    peak_mib: float


def main() -> None:
    asks = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asks.add_argument("sizes", type=int, nargs="+", help="images")
    asks.add_argument("--categories", type=int, default=2)
    asks.add_argument("--dimensions", type=int, default=1280, help="features of an image")
    asks.add_argument("--target", choices=["length", "category"], default="length")
    asks.add_argument("--again", action="store_true", help="measure a second refresh too")
    asks.add_argument("--folder", help="where the stores are made and kept, good for some hours")
    asks.add_argument(
        "--by", choices=["seconds", "cpu_s"], default="seconds", help="exponents: a busy machine disturbs cpu_s less"
    )
    asks.add_argument("--json", action="store_true")
    options = asks.parse_args()
    sys.path.insert(0, str(ROOT))
    with contextlib.ExitStack() as stack:
        folder = options.folder or stack.enter_context(tempfile.TemporaryDirectory())
        costs = {size: in_own_process(Path(folder) / f"{size}", size, options) for size in options.sizes}
    if options.json:
        print(json.dumps({size: {step: asdict(cost) for step, cost in steps.items()} for size, steps in costs.items()}))
    else:
        print_costs(costs, options.by)


def in_own_process(folder: Path, size: int, options: argparse.Namespace) -> dict[str, Cost]:
    """What each step costs with so many images, measured in a process of its own."""
    if not folder.exists():
        call("make", folder, size, options)
    lines = call("measure", folder, size, options).splitlines()
    return {step: Cost(**cost) for step, cost in map(json.loads, lines)} | look(folder / "store")


def call(function: str, folder: Path, size: int, options: argparse.Namespace) -> str:
    """Call a function of this module in a process of its own; return what it prints."""
    numbers = f"{size}, {options.categories}, {options.dimensions}, {options.target!r}, {options.again}"
    script = f"import scale; scale.{function}({str(folder)!r}, {numbers})"
    paths = os.pathsep.join([str(Path(__file__).parent), str(ROOT), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", script]
    environment = {**os.environ, "PYTHONPATH": paths}
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout


def make(folder: str, size: int, categories: int, dimensions: int, target: str, again: bool) -> None:
    """Make lists and a store."""
    from synthetic_store import make_config, make_store

    Path(folder).mkdir(parents=True)
    make_store(make_config(Path(folder), categories), size, dimensions)


def measure(folder: str, size: int, categories: int, dimensions: int, target: str, again: bool) -> None:
    """Print a line of JSON for each step: its name and its cost."""
    from regraft.process import prepare_process

    prepare_process()
    from synthetic_store import make_config, mark_cut_off

    from regraft.store.store import Store
    from regraft.store.version import Version
    from regraft.upkeep.damaged_versions import damaged_files

    config = make_config(Path(folder), categories, "category" if target == "category" else "length")
    version = refresh(config)
    with step("verify"):
        assert list(damaged_files(Version(Store(config.store), version), False, lambda path: None)) == []
    if again:
        for category in config.categories.values():
            urls = Path(category.list).read_text().splitlines()
            Path(category.list).write_text("\n".join(url for i, url in enumerate(urls) if i % LEFT_OUT_EVERY) + "\n")
        mark_cut_off(Store(config.store))
        refresh(config, "again: ")


def refresh(config: "Config", prefix: str = "") -> str:
    """Do the steps of a refresh, measured; return the name of the version."""
    from synthetic_store import Drawings, backbone_fingerprint

    from regraft.pipeline import steps
    from regraft.pipeline.bench import Bench
    from regraft.pipeline.results import Embedded, Learnt
    from regraft.pipeline.run import open_run
    from regraft.store.run_record import PrefectRun

    embedded = Embedded(backbone_fingerprint(), computed=0, device="cpu")
    with open_run(config) as spec:
        bench = Bench.of(spec)
        bench.store.blobs = Drawings(bench.store.disk)
        bench.use_device()  # TensorFlow's import is no step's
        with step(f"{prefix}read"):
            links = steps.read(bench)
        with step(f"{prefix}fetch"):
            fetched = [steps.fetch(lane, bench) for lane in links.lanes]
        with step(f"{prefix}screen"):
            screened = steps.screen(fetched, bench)
        with step(f"{prefix}label"):
            manifest = steps.label(screened, links, bench)
        with step(f"{prefix}reuse"):
            assert steps.reuse(screened, manifest, bench) is None
        with step(f"{prefix}drop misfiled"):
            screened, manifest = steps.drop_misfiled(screened, manifest, embedded, bench)
        with step(f"{prefix}train"):
            head = steps.train(manifest, embedded, bench)
        learnt = Learnt(screened, manifest, embedded, head)
        with step(f"{prefix}evaluate"):
            evaluated = steps.evaluate(learnt, bench)
        with step(f"{prefix}publish"):
            return steps.publish(learnt, evaluated, PrefectRun(), bench).version


def look(store: Path) -> dict[str, Cost]:
    """Look at a store on the command line, and return what each command cost."""
    costs = {}
    for words in (["versions"], ["show"], ["links", HOST]):
        began = time.monotonic()
        process = subprocess.Popen([*REGRAFT, *words, "--store", str(store)], stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)  # its memory is its own: this process has little to inherit
        assert status == 0, words
        cpu_s = used.ru_utime + used.ru_stime
        costs[words[0]] = Cost(time.monotonic() - began, cpu_s, used.ru_maxrss / 1024)
    return costs


@contextlib.contextmanager
def step(name: str) -> Iterator[None]:
    """Measure what is done while the context lasts, and print what it cost."""
    peak = Peak()
    began, cpu_began = time.monotonic(), time.process_time()
    yield
    seconds, cpu_s = time.monotonic() - began, time.process_time() - cpu_began
    print(json.dumps([name, asdict(Cost(seconds, cpu_s, peak.stop()))]), flush=True)


class Peak:
    """Watches how much memory this process has: its resident set, by the system's high-water mark where it resets."""

    def __init__(self) -> None:
        self._resets = True
        try:
            Path("/proc/self/clear_refs").write_text("5")
        except OSError:
            self._resets = False
        self._mib, self._ended = 0.0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        """Return the peak in MiB since the start."""
        self._ended.set()
        self._thread.join()
        return max(self._mib, _status_mib("VmHWM") if self._resets else 0.0)

    def _watch(self) -> None:
        while not self._ended.wait(SAMPLED_EVERY_S):
            self._mib = max(self._mib, _status_mib("VmRSS"))


def _status_mib(field: str) -> float:
    """A field of this process's status, such as VmRSS."""
    return int(Path("/proc/self/status").read_text().split(f"{field}:")[1].split()[0]) / 1024


def exponent(small: int, large: int, before: float, after: float) -> float:
    """Return the power of the number of images by which a cost grew between two of them."""
    return math.log(max(after, 1e-3) / max(before, 1e-3)) / math.log(large / small)


def print_costs(costs: dict[int, dict[str, Cost]], by: str) -> None:
    """Print a line for each step, then one for all, and the largest peak."""
    sizes = list(costs)
    heads = "".join(f"{f'{size:,}':>10}{'cpu s':>9}{'MiB':>7}" for size in sizes)
    print(f"{'images':20}{heads}   exponents, by {by}")
    whole = {
        size: Cost(
            sum(cost.seconds for cost in steps.values()),
            sum(cost.cpu_s for cost in steps.values()),
            max(cost.peak_mib for cost in steps.values()),
        )
        for size, steps in costs.items()
    }
    for name in [*costs[sizes[0]], "all"]:
        row = [whole[size] if name == "all" else costs[size][name] for size in sizes]
        cells = "".join(f"{cost.seconds:10.2f}{cost.cpu_s:9.2f}{cost.peak_mib:7.0f}" for cost in row)
        grown = [
            exponent(sizes[i], sizes[i + 1], getattr(row[i], by), getattr(row[i + 1], by))
            for i in range(len(sizes) - 1)
        ]
        print(f"{name:20}{cells}" + "".join(f"{power:8.2f}" for power in grown))


if __name__ == "__main__":
    main()
