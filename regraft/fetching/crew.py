"""The processes that fetch and judge links. Each has its own connections and threads; bytes never leave them.

As many processes as cores, because Python's HTTP and the decoders are CPU work; threads in each, because links wait.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence

from regraft.config import FetchSettings, ScreenSettings
from regraft.errors import WorkerError
from regraft.fetching.budget import Budget
from regraft.fetching.pending import KEEP_S, Keep, Pending
from regraft.fetching.settings import WorkerSettings
from regraft.fetching.waiting import Waiting
from regraft.fetching.worker_process import MAX_UNDER_WAY, OnFinding, WorkerProcess
from regraft.links.findings import Finding, Request
from regraft.links.removals import NO_REMOVALS, Removals
from regraft.process import usable_cores
from regraft.store.layout import Layout
from regraft.web.urls import requested_host_and_port_of

BATCH_SIZE = 32
"""Requests in one message."""
FEW_UNDER_WAY = MAX_UNDER_WAY // 2
"""Requests handed to one process at a time, as long as its findings come in quickly."""
LINGER_S = 0.2
"""Seconds that the processes outlive the last shard: where the next one follows at once, they need not start again."""


class Crew:
    """Worker processes, shared by the shards of a run that are fetched in one process. Safe to use from many threads.

    The processes start with the first request, or with `start`, and end by themselves after the last. The run's budget
    is one for all.
    `on_waiting` is called with what they wait for while nothing comes in, and with None once something does again.
    `layout` says which lane asks which host, where other machines fetch other lanes.
    """

    def __init__(
        self,
        store_url: str,
        fetch: FetchSettings,
        screen: ScreenSettings,
        nearby: str | None = None,
        linger_s: float = LINGER_S,
        keep_s: float = KEEP_S,
        on_waiting: Callable[[Waiting | None], None] = lambda waiting: None,
        removals: Removals = NO_REMOVALS,
        layout: Layout | None = None,
    ):
        count = min(fetch.processes or usable_cores(), fetch.connections)
        self._settings = [
            WorkerSettings.of(store_url, nearby, fetch, screen, place, count, removals, layout)
            for place in range(count)
        ]
        self._budget = Budget(fetch.budget_s, fetch.budget_bytes)
        self._linger_s, self._keep_s, self._on_waiting = linger_s, keep_s, on_waiting
        self._lock = threading.RLock()
        self._workers: list[WorkerProcess] = []
        self._users = 0
        self._timer: threading.Timer | None = None
        self._is_closed = False

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def processes(self) -> int:
        """How many processes run now."""
        with self._lock:
            return len(self._workers)

    def start(self) -> None:
        """Start the processes now: they get ready while the caller finds out what to request. `close` must follow."""
        self._running_workers()

    def fetch(
        self,
        prepare: Callable[[], Sequence[Request]],
        on_finding: OnFinding = lambda finding: None,
        keep: Keep = lambda findings: None,
        budget: Budget | None = None,
    ) -> list[Finding]:
        """Return a finding for each request that `prepare` returns, in any order. Blocks until the last is in.

        `on_finding` is called with each one as soon as it is in, one call at a time. Meanwhile `keep` is called every
        few seconds with those that came in since, all of them part of what is returned.

        Calls from several threads take turns, so that the slow hosts of one hold up no other. Requests that the
        `budget`, the crew's where there is none, has nothing left for are found `skipped`, as are all once the crew is
        closed. Where a link leads to a host that another lane asks, its finding has the request that goes on there.
        Raises WorkerError where a process does not start.
        """
        with self._in_use():
            findings = self._hand_out(prepare(), on_finding, keep, budget or self._budget).findings()
            with self._lock:
                if any(worker.never_started for worker in self._workers):
                    raise WorkerError(
                        "A process that fetches ended before it was ready; no link is marked dead. What it printed "
                        "above says why; `python -m regraft.fetching.worker` must be able to start here."
                    )
            return findings

    def close(self) -> None:
        """End the processes for good. Links still under way are found `skipped`. May be called twice."""
        with self._lock:
            self._is_closed = True
            workers, self._workers = self._workers, []
            timer = self._timer
        if timer is not None:
            timer.cancel()
            timer.join()  # it may be ending the processes just now
        _close(workers)

    @contextlib.contextmanager
    def _in_use(self) -> Iterator[None]:
        """Have the processes live while the context lasts, and a little longer."""
        with self._lock:
            self._users += 1
            if self._timer is not None:
                self._timer.cancel()
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0 and self._workers:
                    self._timer = threading.Timer(self._linger_s, self._end_if_unused)
                    self._timer.daemon = True
                    self._timer.start()

    def _end_if_unused(self) -> None:
        with self._lock:
            if self._users > 0:
                return
            workers, self._workers = self._workers, []
        _close(workers)

    def _tell_waiting(self) -> None:
        """Say what all processes wait for, if none of them has anything else to do."""
        with self._lock:
            parts = [worker.waiting for worker in self._workers if worker.load]
        waiting = [part for part in parts if part is not None]
        self._on_waiting(Waiting.sum(waiting) if waiting and len(waiting) == len(parts) else None)

    def _hand_out(self, requests: Sequence[Request], on_finding: OnFinding, keep: Keep, budget: Budget) -> Pending:
        """Hand out requests; blocks until the last is handed out."""
        pending = Pending(len(requests), budget, on_finding, keep, self._keep_s)
        for start in range(0, len(requests), BATCH_SIZE):
            batch = requests[start : start + BATCH_SIZE]
            pending.wait_for_room(start, self._shares)
            if budget.is_spent:
                pending.skip(batch, "the run's budget was spent")
            elif workers := self._running_workers():
                self._put(batch, workers, self._passing_on(workers, pending.add))
            else:
                pending.skip(batch, "the run was stopped")
        return pending

    def _shares(self) -> tuple[int, int]:
        """How many requests each of the calls that are fetching now may have under way, see `Shares`."""
        with self._lock:
            users = max(1, self._users)
        few, most = (max(BATCH_SIZE, limit * len(self._settings) // users) for limit in (FEW_UNDER_WAY, MAX_UNDER_WAY))
        return few, most

    def _passing_on(self, workers: Sequence[WorkerProcess], on_finding: OnFinding) -> OnFinding:
        """Do so with a finding, unless another process of this crew goes on with its link."""

        def pass_on(finding: Finding) -> None:
            if finding.onward is None or finding.is_elsewhere:
                on_finding(finding)
            else:
                self._put([finding.onward], workers, pass_on, may_wait=False)

        return pass_on

    def _put(
        self,
        requests: Sequence[Request],
        workers: Sequence[WorkerProcess],
        on_finding: OnFinding,
        may_wait: bool = True,
    ) -> None:
        """Give each request to the least busy of the workers that may request its host at all."""
        shares: dict[int, list[Request]] = {}
        load = [worker.load for worker in workers]
        for request in requests:
            host = requested_host_and_port_of(request.first_url)
            allowed = [place for place, worker in enumerate(self._settings) if worker.connections_to(host) > 0]
            place = min(allowed, key=load.__getitem__)
            load[place] += 1
            shares.setdefault(place, []).append(request)
        for place, share in shares.items():
            workers[place].put(share, on_finding, may_wait)

    def _running_workers(self) -> list[WorkerProcess]:
        """The processes, started if need be; none once the crew is closed."""
        with self._lock:
            if not self._workers and not self._is_closed:
                self._workers = [WorkerProcess(settings, self._tell_waiting) for settings in self._settings]
            return self._workers


def _close(workers: Sequence[WorkerProcess]) -> None:
    """Have all processes end, and then wait for each."""
    for worker in workers:
        worker.end()
    for worker in workers:
        worker.close()
