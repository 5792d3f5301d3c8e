"""The processes that fetch and judge links. Each has its own connections and threads; bytes never leave them.

Two processes because Python's HTTP and the decoders are CPU work; threads in each because links wait. A picture that
crashes a decoder ends its process: the links under way there are tried again one at a time, and the one that does
it again is charged, not the run.
"""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from regraft.config import FetchSettings, ScreenSettings
from regraft.fetching.worker import Orders, slots
from regraft.links.findings import Finding, Request
from regraft.pictures.judge import Limits
from regraft.verdicts import Reason
from regraft.web.urls import host_and_port_of

UNDER_WAY = 512
"""Links handed to one process at a time: enough for hosts to take turns, few enough for memory to stay flat."""
BATCH = 32
"""Links in one message."""
Done = Callable[[Finding], None]
Progress = Callable[[int], None]


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

    def __init__(self, store: str, fetch: FetchSettings, screen: ScreenSettings):
        self._count = min(fetch.processes or os.cpu_count() or 1, fetch.connections)
        told = {field.name: getattr(fetch, field.name) for field in fields(Orders) if hasattr(fetch, field.name)}
        limits = Limits(screen.min_side, screen.max_pixels)
        orders = Orders(store, limits, place=0, count=self._count, **told)
        self._workers = [_Worker(replace(orders, place=place)) for place in range(self._count)]
        self._per_host = fetch.per_host
        self._budget = Budget(fetch.budget_s, fetch.budget_bytes)
        self.turn = threading.Lock()
        """To be held while requests are prepared and handed out: then only a few shards are in memory at a time, and
        they end one after the other."""

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def fetch(self, requests: Sequence[Request], progress: Progress = lambda _: None) -> list[Finding]:
        """Return a finding for each request, in any order. Blocks until the last is in."""
        return self.ask(requests, progress).findings()

    def ask(self, requests: Sequence[Request], progress: Progress = lambda _: None) -> "Pending":
        """Hand out requests; blocks until the last is handed out.

        Jobs that the run's budget has nothing left for are found `skipped`.
        """
        pending = Pending(len(requests), self._budget, progress)
        for start in range(0, len(requests), BATCH):
            batch = requests[start : start + BATCH]
            if self._budget.is_spent:
                for request in batch:
                    pending.add(
                        Finding(
                            url=request.url,
                            reason=Reason.TIMEOUT,
                            outcome="skipped",
                            detail="the run's budget was spent",
                        )
                    )
            else:
                self._hand_out(batch, pending.add)
        return pending

    def close(self) -> None:
        """End the processes, if they have not ended. Links still under way are found `skipped`."""
        for worker in self._workers:
            worker.close()

    def _hand_out(self, requests: Sequence[Request], done: Done) -> None:
        """Give each request to the least busy of the workers that may ask its host at all."""
        shares: dict[int, list[Request]] = {}
        load = [worker.load for worker in self._workers]
        for request in requests:
            host = host_and_port_of(request.url)
            allowed = [p for p in range(self._count) if slots(host, p, self._count, self._per_host) > 0]
            place = min(allowed, key=lambda p: load[p])
            load[place] += 1
            shares.setdefault(place, []).append(request)
        for place, share in shares.items():
            self._workers[place].put(share, done)


class Pending:
    """Findings that are on their way."""

    def __init__(self, count: int, budget: Budget, progress: Progress):
        self._count, self._budget, self._progress = count, budget, progress
        self._found: list[Finding] = []
        self._changed = threading.Condition()

    def add(self, finding: Finding) -> None:
        """Take one in."""
        with self._changed:
            self._found.append(finding)
            self._budget.spend(finding.bytes)
            self._progress(1)
            if len(self._found) == self._count:
                self._changed.notify_all()

    def findings(self) -> list[Finding]:
        """Return all of them, in any order, once the last is in."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._found) == self._count)
            return self._found


class _Worker:
    """The parent's end of one process."""

    def __init__(self, orders: Orders):
        self.load = 0
        self._orders = orders
        self._room = threading.BoundedSemaphore(UNDER_WAY)
        self._lock = threading.RLock()
        self._under_way: dict[int, tuple[Request, Done]] = {}
        self._next = 0
        self._closed = False
        self._start()

    def put(self, requests: Sequence[Request], done: Done) -> None:
        self.load += len(requests)
        for _ in requests:
            self._room.acquire()
        with self._lock:
            numbered = list(enumerate(requests, self._next))
            self._next += len(requests)
            self._under_way |= {number: (request, done) for number, request in numbered}
            self._send(numbered)
            closed = self._closed
        if closed:
            self._give_up()

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._send(None)
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._give_up()

    def _give_up(self) -> None:
        """Find what is under way skipped: nobody will answer, and whoever waits must not wait for ever."""
        with self._lock:
            left = {number: request for number, (request, _) in self._under_way.items()}
        for number, request in left.items():
            self._finish(
                number, Finding(url=request.url, reason=Reason.TIMEOUT, outcome="skipped", detail="the run was stopped")
            )

    def _start(self) -> None:
        self._process, self._pipe = _started(self._orders)
        threading.Thread(target=self._listen, args=(self._pipe,), daemon=True).start()

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
            if number not in self._under_way:  # given up in this very moment
                return
            _, done = self._under_way.pop(number)
            self.load -= 1
        self._room.release()
        done(finding)

    def _recover(self) -> None:
        """The process died: ask for each link that was under way alone, in a process of its own."""
        with self._lock:
            self._process.wait()
            suspects = dict(self._under_way)
            self._start()
        for number, (request, _) in suspects.items():
            self._finish(number, alone(request, self._orders))


def alone(request: Request, orders: Orders) -> Finding:
    """Return the finding of one request in a process of its own; if that dies, the link is charged."""
    process, pipe = _started(replace(orders, place=0, count=1))
    try:
        pipe.send([(0, request)])
        [(_, finding)] = pipe.recv()
        return finding
    except (EOFError, OSError):
        return Finding(url=request.url, reason=Reason.TRUNCATED, attempts=1, detail="its bytes crash the decoder")
    finally:
        process.kill()
        process.wait()


def _started(orders: Orders) -> tuple[subprocess.Popen[bytes], Connection]:
    """A worker process with its orders, and the pipe to it.

    A plain process: multiprocessing would import the caller's main module again, Prefect and all.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
        process = subprocess.Popen(
            [sys.executable, "-m", "regraft.fetching.worker", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env={**os.environ, "PYTHONPATH": path.rstrip(os.pathsep)},
            stdin=subprocess.DEVNULL,
        )
    pipe = Connection(ours.detach())
    pipe.send(orders)
    return process, pipe
