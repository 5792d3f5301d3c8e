"""Many refreshes one after the other in one process: what each takes, and whether anything grows that should not.

    python tests/benchmarks/soak.py
    python tests/benchmarks/soak.py --runs 100

The menagerie is refreshed again and again into one store. Every fifth run some links more have left a list, so that a
new head is trained; all other runs find the web as it was. Memory, threads and open files should stay as they are after
the first runs; the store grows by a version a run.
"""

import argparse
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import regraft
from regraft import menagerie
from regraft.config import Config
from regraft.menagerie.web import Web
from regraft.process import prepare_process

CHANGES_EVERY = 5
"""Runs between two changes of a list."""
LINKS_LOST = 3
"""Links that a list loses with each change; some of them are alive."""
WARM_RUNS = CHANGES_EVERY + 1
"""Runs after which whatever is imported or compiled once has been."""
STATUS = Path("/proc/self/status")
DESCRIPTORS = Path("/proc/self/fd")


@dataclass(frozen=True)
class Measured:
    """One run, and the process and the store after it."""

    seconds: float
    memory_mb: float
    threads: int
    descriptors: int
    files: int
    """In the store."""
    store_mb: float

    @classmethod
    def of(cls, seconds: float, store: Path) -> "Measured":
        """Measure this process and the store now."""
        status = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
        sizes = [path.stat().st_size for path in store.rglob("*") if path.is_file()]
        return cls(
            seconds=seconds,
            memory_mb=int(status["VmRSS"].split()[0]) / 1000,
            threads=int(status["Threads"]),
            descriptors=len(os.listdir(DESCRIPTORS)),
            files=len(sizes),
            store_mb=sum(sizes) / 1e6,
        )

    def cells(self) -> str:
        """This as a row of the table."""
        process = f"{self.seconds:9.1f}{self.memory_mb:9.0f}{self.threads:9}{self.descriptors:9}"
        return f"{process}{self.files:9}{self.store_mb:9.1f}"


def config_of(run: int, folder: Path) -> Config:
    """The menagerie's job, whose list of tigers has lost some links for each CHANGES_EVERY runs."""
    urls = Web().lists["tiger"][LINKS_LOST * (run // CHANGES_EVERY) :]
    tigers = folder / "tiger.txt"
    tigers.write_text("\n".join(urls))
    config = menagerie.CONFIG
    changed = config.categories["tiger"].model_copy(update={"list": str(tigers)})
    return config.model_copy(
        update={"store": str(folder / "store"), "categories": config.categories | {"tiger": changed}}
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=30)
    runs = parser.parse_args().runs
    prepare_process()
    with tempfile.TemporaryDirectory() as name:
        folder, rows = Path(name), list[Measured]()
        print(f"{'run':>4}{'s':>9}{'MB':>9}{'threads':>9}{'open':>9}{'files':>9}{'store MB':>9}")
        for run in range(runs):
            began = time.monotonic()
            regraft.run(config_of(run, folder))
            rows.append(Measured.of(time.monotonic() - began, folder / "store"))
            print(f"{run + 1:4}{rows[-1].cells()}", flush=True)
    if runs > WARM_RUNS:
        first, last, count = rows[WARM_RUNS - 1], rows[-1], runs - WARM_RUNS
        print(
            f"From run {WARM_RUNS} to run {runs}: memory {last.memory_mb - first.memory_mb:+.0f} MB, threads "
            f"{last.threads - first.threads:+}, open files {last.descriptors - first.descriptors:+}; a version is "
            f"{(last.files - first.files) / count:.1f} files and {(last.store_mb - first.store_mb) / count:.2f} MB."
        )


if __name__ == "__main__":
    main()
