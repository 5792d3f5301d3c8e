"""A Dask cluster of processes on loopback: a scheduler and workers, each of which can be killed."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.docs_commands import ROOT
from tests.processes import free_port, until


@dataclass
class Cluster:
    """A scheduler and its workers."""

    address: str
    environment: dict[str, str]
    folder: Path
    workers: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def start_worker(
        self, program: str = "", threads: int = 8, prefix: Sequence[str] = ()
    ) -> "subprocess.Popen[bytes]":
        """Start a worker process, which runs a program first; by the command `prefix`, if that is given."""
        number = len(self.workers)
        preload = self.folder / f"preload-{number}.py"
        preload.write_text(program)
        options = ["--nworkers", "1", "--nthreads", str(threads), "--no-nanny", "--no-dashboard"]
        folder = ["--local-directory", str(self.folder), "--preload", str(preload)]
        command = [*prefix, sys.executable, "-m", "distributed.cli.dask_worker", self.address, *options, *folder]
        with open(self.folder / f"worker-{number}.txt", "wb") as log:
            worker = subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=log, stderr=log)
        self.workers.append(worker)
        return worker

    def wait_for_workers(self, count: int) -> None:
        """Wait until so many workers have registered."""
        from distributed import Client

        with Client(self.address, timeout=60, set_as_default=False) as client:
            until(f"{count} workers", lambda: len(client.scheduler_info()["workers"]) == count, 120)


@contextmanager
def dask_cluster(folder: Path, environment: dict[str, str] | None = None) -> Iterator[Cluster]:
    """A scheduler without workers, and at the end all of its processes killed.

    Without an environment they have this process's, and import the code of this checkout.
    """
    environment, port = environment or {**os.environ, "PYTHONPATH": str(ROOT)}, free_port()
    options = ["--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", *options]
    with open(folder / "scheduler.txt", "wb") as log:
        scheduler = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    cluster = Cluster(f"tcp://127.0.0.1:{port}", environment, folder)
    try:
        yield cluster
    finally:
        for process in [*cluster.workers, scheduler]:
            process.kill()
            process.wait(30)
