"""One fetching process, seen from the process that hands it requests."""

import contextlib
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection

from regraft.fetching.settings import WorkerSettings
from regraft.fetching.waiting import Waiting
from regraft.identity import Url
from regraft.links.findings import Finding, Request, skipped
from regraft.process import start_module
from regraft.verdicts import Reason

MAX_UNDER_WAY = 512
"""Requests handed to one process at a time: enough for hosts to take turns, few enough for memory to stay flat."""
CLOSE_S = 2.0
"""Seconds that a process gets to end by itself."""
OnFinding = Callable[[Finding], None]
OnWaiting = Callable[[], None]
"""Is called where what a process waits for may have changed."""


class WorkerProcess:
    """A fetching process, started at once, and started anew when it dies. Safe to use from many threads.

    A picture that crashes a decoder ends the process. What was under way is then fetched apart, see `fetched_apart`, so
    that the link that does it again is charged and no other. A process that dies before it is ready is not started
    again: the next one would die too.
    """

    def __init__(self, settings: WorkerSettings, on_waiting: OnWaiting = lambda: None):
        self.load = 0
        """Requests under way."""
        self.waiting: Waiting | None = None
        """What it waits for; None while findings come in."""
        self._on_waiting = on_waiting
        self._settings = settings
        self._lock = threading.RLock()
        self._has_room = threading.Condition(self._lock)
        self._under_way: dict[int, tuple[Request, OnFinding]] = {}
        self._next_number = 0
        self._is_closed = False
        self.never_started = False
        """Whether a process died before it was ready, after which all requests are found `skipped`."""
        self._start()

    def put(self, requests: Sequence[Request], on_finding: OnFinding, may_wait: bool = True) -> None:
        """Hand out requests. `on_finding` is called once for each, on another thread.

        Blocks while too many are under way, unless it may not wait: that is for who takes in findings.
        """
        with self._lock:
            self.load += len(requests)
            if may_wait:
                self._has_room.wait_for(lambda: len(self._under_way) < MAX_UNDER_WAY)
            numbered = list(enumerate(requests, self._next_number))
            self._next_number += len(requests)
            self._under_way |= {number: (request, on_finding) for number, request in numbered}
            self._send(numbered)
            is_closed = self._is_closed
        if is_closed:
            self._give_up()

    def end(self) -> None:
        """Have the process end; `close` waits for that."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            self._send(None)
            if not self._is_ready:  # it has done nothing yet
                self._process.kill()

    def close(self) -> None:
        """End the process. Links still under way are found `skipped`."""
        self.end()
        try:
            self._process.wait(CLOSE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._give_up()

    def _give_up(self) -> None:
        """Find what is under way skipped: nobody will answer, and whoever waits must not wait for ever."""
        with self._lock:
            left = {number: request for number, (request, _) in self._under_way.items()}
        for number, request in left.items():
            self._finish(number, skipped(request, "the run was stopped"))

    def _start(self) -> None:
        self._is_ready = False
        self._process, self._pipe = _started(self._settings)
        threading.Thread(target=self._listen, args=(self._pipe,), daemon=True).start()

    def _send(self, message: list[tuple[int, Request]] | None) -> None:
        try:
            self._pipe.send(message)
        except OSError:
            pass  # the process died; whoever listens sees it too and starts another

    def _listen(self, pipe: Connection) -> None:
        while True:
            try:
                batch, waiting = pipe.recv()
            except (EOFError, OSError):
                break
            self._is_ready = True
            for number, finding in batch:
                self._finish(number, finding)
            if waiting != self.waiting:
                self.waiting = waiting
                self._on_waiting()
        if self._is_closed:
            return
        if self._is_ready:
            self._recover()
        else:
            self._fail()

    def _fail(self) -> None:
        """Find everything skipped: a process that never was ready says nothing about any link."""
        with self._lock:
            self.never_started = True
            self._is_closed = True
            self._process.wait()
        self._give_up()

    def _finish(self, number: int, finding: Finding) -> None:
        with self._lock:
            if number not in self._under_way:  # given up in this very moment
                return
            _, on_finding = self._under_way.pop(number)
            self.load -= 1
            self._has_room.notify_all()
        on_finding(finding)

    def _recover(self) -> None:
        """After a crash fetch apart what was under way, and only then start another process.

        Both at a time would have more connections to a host than are this process's.
        """
        with self._lock:
            self._process.wait()
            suspects = dict(self._under_way)
        numbers: dict[Url, list[int]] = {}
        for number, (request, _) in suspects.items():
            numbers.setdefault(request.url, []).append(number)
        for finding in fetched_apart([request for request, _ in suspects.values()], self._settings):
            self._finish(numbers[finding.url].pop(), finding)
        with self._lock:
            if not self._is_closed:
                self._start()
                self._send([(number, request) for number, (request, _) in self._under_way.items()])


def fetched_apart(requests: Sequence[Request], settings: WorkerSettings) -> Iterator[Finding]:
    """Yield the finding of each request, fetched in a process of their own.

    Where that dies, the requests that were under way are fetched in two halves, each apart, until a link that kills its
    process is alone in it, and is to blame: in processes of the number's logarithm, not of the number.
    """
    process, pipe = _started(settings)
    left, is_ready = dict(enumerate(requests)), False
    try:
        pipe.recv()
        is_ready = True
        pipe.send(list(left.items()))
        while left:
            batch, _ = pipe.recv()
            for number, finding in batch:
                del left[number]
                yield finding
    except (EOFError, OSError):
        pass  # it has died
    finally:
        process.kill()
        process.wait()
    suspects = list(left.values())
    if not is_ready:
        yield from (skipped(request, "the process to fetch it in did not start") for request in suspects)
    elif len(suspects) == 1:
        detail = "its bytes crash the decoder"
        yield Finding(url=suspects[0].url, reason=Reason.TRUNCATED, attempts=1, detail=detail)
    elif suspects:
        middle = len(suspects) // 2
        yield from fetched_apart(suspects[:middle], settings)
        yield from fetched_apart(suspects[middle:], settings)


def _started(settings: WorkerSettings) -> tuple[subprocess.Popen[bytes], Connection]:
    """A worker process that knows its settings, and the pipe to it."""
    process, pipe = start_module("regraft.fetching.worker")
    with contextlib.suppress(OSError):  # it has ended already; whoever listens sees that
        pipe.send(settings)
    return process, pipe
