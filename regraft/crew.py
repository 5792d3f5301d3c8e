"""The processes that fetch and judge links. Each has its own connections and threads; bytes never leave them.

Two processes because Python's HTTP and the decoders are CPU work; threads in each because links wait. A picture that
crashes a decoder ends its process: the links under way there are tried again one at a time, and the one that does
it again is charged, not the run.
"""

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

from regraft.config import FetchSettings, ScreenSettings
from regraft.links import Finding, Job
from regraft.store import Store
from regraft.worker import Settings, host_of, slots, work

UNDER_WAY = 512
"""Links handed to one process at a time: enough for hosts to take turns, few enough for memory to stay flat."""
CRASHED = "truncated"


class Budget:
    """What one run may spend: seconds since it began, and bytes of bodies. None is no bound."""

    def __init__(self, seconds: float | None, size: int | None):
        self._end = time.monotonic() + seconds if seconds is not None else None
        self._left = size

    def spend(self, size: int) -> None:
        """Take bytes off it."""
        if self._left is not None:
            self._left -= size

    @property
    def is_spent(self) -> bool:
        """Whether no further link should be asked for."""
        late = self._end is not None and time.monotonic() > self._end
        return late or (self._left is not None and self._left <= 0)


class Crew:
    """Worker processes, shared by the shards of a run. Use it as a context; `fetch` may be called from many threads."""

    def __init__(self, store: Store, fetch: FetchSettings, screen: ScreenSettings):
        self._settings: Settings = (store.url, fetch, screen)
        count = fetch.processes or os.cpu_count() or 1
        self._workers = [_Worker(self._settings, place, count) for place in range(min(count, fetch.connections))]
        self._per_host = fetch.per_host
        self._budget = Budget(fetch.budget_s, fetch.budget_bytes)

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def fetch(self, jobs: Sequence[Job], progress: Callable[[int], None] = lambda _: None) -> list[Finding]:
        """Return a finding for each job, in any order. Blocks until the last is in.

        Jobs that the run's budget has nothing left for are found `skipped`.
        """
        findings: list[Finding] = []
        complete = threading.Event()
        lock = threading.Lock()

        def done(finding: Finding) -> None:
            with lock:
                findings.append(finding)
                self._budget.spend(finding.bytes)
                last = len(findings) == len(jobs)
            progress(1)
            if last:
                complete.set()

        for job in jobs:
            if self._budget.is_spent:
                done(Finding(job.url, "timeout", outcome="skipped", detail="the run's budget was spent"))
            else:
                self._worker_for(job.url).put(job, done)
        if jobs:
            complete.wait()
        return findings

    def close(self) -> None:
        """End the processes. Links still under way are forgotten."""
        for worker in self._workers:
            worker.close()

    def _worker_for(self, url: str) -> "_Worker":
        """The least busy of the workers that may ask this host at all."""
        count = len(self._workers)
        host = host_of(url)
        allowed = [w for w in self._workers if slots(host, w.place, count, self._per_host) > 0]
        return min(allowed, key=lambda worker: worker.load)


class _Worker:
    """The parent's end of one process."""

    def __init__(self, settings: Settings, place: int, count: int):
        self.place, self.count = place, count
        self.load = 0
        self._settings = settings
        self._room = threading.BoundedSemaphore(UNDER_WAY)
        self._lock = threading.RLock()
        self._under_way: dict[int, tuple[Job, Callable[[Finding], None]]] = {}
        self._next = 0
        self._closed = False
        self._start()

    def put(self, job: Job, done: Callable[[Finding], None]) -> None:
        self.load += 1
        self._room.acquire()
        with self._lock:
            number, self._next = self._next, self._next + 1
            self._under_way[number] = (job, done)
            self._send([(number, job)])

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._send(None)
        self._process.join(2)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")  # never fork a process that has threads
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=work, args=(theirs, self._settings, self.place, self.count), name=f"crew-{self.place}", daemon=True
        )
        self._process.start()
        theirs.close()
        threading.Thread(target=self._listen, args=(self._pipe,), name=f"crew-{self.place}", daemon=True).start()

    def _send(self, message: Any) -> None:
        try:
            self._pipe.send(message)
        except OSError:
            pass  # the process died; whoever listens sees it too and starts another

    def _listen(self, pipe: Connection) -> None:
        while True:
            try:
                batch = pipe.recv()
            except (EOFError, OSError):
                break
            for number, finding in batch:
                self._finish(number, finding)
        if not self._closed:
            self._recover()

    def _finish(self, number: int, finding: Finding) -> None:
        with self._lock:
            _, done = self._under_way.pop(number)
            self.load -= 1
        self._room.release()
        done(finding)

    def _recover(self) -> None:
        """The process died: ask for each link that was under way alone, in a process of its own."""
        with self._lock:
            self._process.join()
            suspects = dict(self._under_way)
            self._start()
        for number, (job, _) in suspects.items():
            self._finish(number, alone(job, self._settings))


def alone(job: Job, settings: Settings) -> Finding:
    """Return the finding of one job in a process of its own; if that dies, the link is charged."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(theirs, settings, 0, 1), daemon=True)
    process.start()
    theirs.close()
    try:
        ours.send([(0, job)])
        [(_, finding)] = ours.recv()
        ours.send(None)
        process.join(2)
        return finding
    except (EOFError, OSError):
        return Finding(job.url, CRASHED, attempts=1, detail="its bytes crash the decoder")
    finally:
        process.kill()
        process.join()
