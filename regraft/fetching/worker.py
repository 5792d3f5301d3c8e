"""One of the crew's processes: its connections, its threads, its schedule; and how a request becomes a finding."""

import hashlib
import os
import queue
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from multiprocessing.connection import Connection

from regraft.fetching.breaker import SILENT, Breaker
from regraft.fetching.host_queue import Schedule
from regraft.links.findings import Finding, Request
from regraft.pictures.judge import Limits, Unfit, judge
from regraft.process import prepare_process
from regraft.store.blobs import Blobs
from regraft.store.disk import disk_at
from regraft.verdicts import Reason
from regraft.web.answers import Answer, Body, Failed, NotModified, Redirect
from regraft.web.client import Client
from regraft.web.urls import BadUrl, Blocked, host_and_port_of, normalised

TIMEOUT_ATTEMPTS = 2
BACKOFF_S = 0.5
SWITCH_S = 0.1
"""Of dozens of threads; with the default of 5 ms they take the interpreter from each other before anything is done."""
PARKED = 3
"""Times that a request waits for a host that only fails; then it fails with it."""
OPT_OUT = ("noai", "noimageai", "noindex", "none")


@dataclass(frozen=True)
class Orders:
    """What a worker is told when it begins. Plain, because a worker that need not import the config starts sooner."""

    store: str
    limits: Limits
    place: int
    """The worker's number, 0 to count - 1; it says which of a host's connections are its own."""
    count: int
    proxy: str | None
    allow: tuple[str, ...]
    connections: int
    per_host: int
    attempts: int
    connect_s: float
    deadline_s: float
    retry_after_s: float
    max_bytes: int
    max_redirects: int
    pace_s: float
    robots: bool
    user_agent: str


def work(pipe: Connection) -> None:
    """Take orders from a pipe, then fetch and judge requests from it until told None: the main of a worker process."""
    sys.setswitchinterval(SWITCH_S)
    Fetcher(pipe.recv()).run(pipe)
    os._exit(0)  # threads may wait on sockets; nothing they hold is worth waiting for


@lru_cache(4096)
def slots(host: str, place: int, count: int, per_host: int) -> int:
    """Return how many of a host's `per_host` connections belong to the worker at `place` of `count`.

    The shares of all workers sum to `per_host`, so the limit holds over processes that never speak to each other.
    """
    start = hashlib.sha256(host.encode("utf-8", "surrogatepass")).digest()[0]
    return sum(1 for i in range(per_host) if (start + i) % count == place)


@dataclass(frozen=True, slots=True)
class _Task:
    """A request on its way: where its redirects led, how often it was tried, how long it took."""

    number: int
    request: Request
    url: str
    hops: int = 0
    attempts: int = 0
    parked: int = 0
    attempt_s: float = 0.0
    elapsed_s: float = 0.0


class Fetcher:
    """One process's client, its schedule, its threads."""

    def __init__(self, orders: Orders):
        self._orders = orders
        self._blobs = Blobs(disk_at(orders.store))
        threads = max(1, orders.connections // orders.count)
        self._client = Client.of(orders, connections=threads)
        # Every worker that may ask a host keeps its own time, so each is slower by their number.
        self._schedule: Schedule[_Task] = Schedule(
            lambda host: max(1, slots(host, orders.place, orders.count, orders.per_host)),
            orders.pace_s * min(orders.count, orders.per_host),
        )
        self._breaker = Breaker()
        self._may_ask: Callable[[str], bool] = self._rules() if orders.robots else lambda url: True
        self._found: queue.SimpleQueue[tuple[int, Finding]] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]

    def _rules(self) -> Callable[[str], bool]:
        from regraft.web.robots import Robots  # most jobs do not want it

        orders = self._orders
        return Robots(self._client, orders.user_agent, orders.deadline_s, self._schedule.pace).allow

    def run(self, pipe: Connection) -> None:
        """Serve the pipe until it says None or closes."""
        for thread in (*self._threads, threading.Thread(target=self._report, args=(pipe,), daemon=True)):
            thread.start()
        while True:
            try:
                message = pipe.recv()
            except (EOFError, OSError):
                return
            if message is None:
                return
            for number, request in message:
                self._begin(number, request)

    def _begin(self, number: int, request: Request) -> None:
        try:
            url = normalised(request.url)
            self._schedule.put(host_and_port_of(url), _Task(number, request, url))
        except BadUrl as error:
            self._found.put((number, Finding(url=request.url, reason=Reason.BAD_URL, detail=str(error))))
        except Blocked as error:
            self._found.put((number, Finding(url=request.url, reason=Reason.BLOCKED, detail=str(error))))

    def _report(self, pipe: Connection) -> None:
        while True:
            batch = [self._found.get()]
            while len(batch) < 64 and not self._found.empty():
                batch.append(self._found.get())
            pipe.send(batch)

    def _work(self) -> None:
        while (taken := self._schedule.take()) is not None:
            host, task = taken
            try:
                self._step(host, task)
            except Exception as error:  # every request gets exactly one finding, whatever happens
                fault = f"{type(error).__name__}: {error}"[:200]
                finding = Finding(
                    url=task.request.url,
                    reason=Reason.UNREACHABLE,
                    attempts=task.attempts + 1,
                    local=True,
                    detail=fault,
                )
                self._found.put((task.number, finding))
            finally:
                self._schedule.done(host)

    def _step(self, host: str, task: _Task) -> None:
        wait_s = self._breaker.wait_s(host)
        if wait_s > 0:
            self._park(host, task, wait_s)
            return
        if not self._may_ask(task.url):
            self._tell(task, Failed(reason=Reason.OPTED_OUT, detail="robots.txt disallows it"))
            return
        task, exchange = self._asked(task)
        if isinstance(exchange, Failed) and exchange.reason in SILENT and not exchange.status:
            self._breaker.failed(host)
        else:
            self._breaker.answered(host)
        if isinstance(exchange, Redirect):
            self._follow(task, exchange)
        elif isinstance(exchange, Failed) and self._may_retry(task, exchange):
            self._retry(host, task, exchange)
        else:
            self._tell(task, exchange)

    def _asked(self, task: _Task) -> tuple[_Task, Answer]:
        """One exchange, conditional where what the request knows is still there to be kept."""
        request = task.request
        kept = self._blobs.has(request.digest) if request.digest else bool(request.reason)
        known = kept and bool(request.etag or request.last_modified)
        began = time.monotonic()
        exchange = self._client.get(
            task.url,
            max(0.05, self._orders.deadline_s - task.attempt_s),
            request.etag if known else "",
            request.last_modified if known else "",
        )
        spent = time.monotonic() - began
        return replace(task, attempt_s=task.attempt_s + spent, elapsed_s=task.elapsed_s + spent), exchange

    def _park(self, host: str, task: _Task, wait_s: float) -> None:
        if task.parked < PARKED:
            self._schedule.put(host, replace(task, parked=task.parked + 1), wait_s)
        else:
            self._tell(
                task, Failed(reason=Reason.UNREACHABLE, detail=f"{host} only fails; this link was not asked for")
            )

    def _follow(self, task: _Task, redirect: Redirect) -> None:
        if task.hops >= self._orders.max_redirects or redirect.url == task.url:
            detail = f"at {redirect.url}"[:200]
            self._tell(task, Failed(reason=Reason.TOO_MANY_REDIRECTS, detail=detail, status=redirect.status))
        else:
            self._schedule.put(host_and_port_of(redirect.url), replace(task, url=redirect.url, hops=task.hops + 1))

    def _may_retry(self, task: _Task, failed: Failed) -> bool:
        most = TIMEOUT_ATTEMPTS if failed.reason is Reason.TIMEOUT else self._orders.attempts
        return failed.may_pass and task.attempts + 1 < min(most, self._orders.attempts)

    def _retry(self, host: str, task: _Task, failed: Failed) -> None:
        delay_s = _pause_s(task.attempts, failed.retry_after_s, self._orders.retry_after_s)
        if failed.reason is Reason.RATE_LIMITED:  # it is us who are too fast, not this link that is busy
            self._schedule.hold(host, delay_s)
        again = replace(task, url=normalised(task.request.url), hops=0, attempts=task.attempts + 1, attempt_s=0.0)
        self._schedule.put(host_and_port_of(again.url), again, delay_s)

    def _tell(self, task: _Task, exchange: Answer) -> None:
        self._found.put((task.number, self._finding(task, exchange)))

    def _finding(self, task: _Task, exchange: Answer) -> Finding:
        request = task.request
        bare = Finding(
            url=request.url, final_url=task.url, attempts=task.attempts + 1, elapsed_s=round(task.elapsed_s, 4)
        )
        match exchange:
            case Failed():
                return replace(
                    bare,
                    reason=exchange.reason,
                    http_status=exchange.status,
                    local=exchange.local,
                    detail=exchange.detail,
                )
            case NotModified():
                return replace(bare, reason=request.reason, http_status=304, outcome="not_modified")
            case Body():
                return self._judged(replace(bare, http_status=200), exchange)
            case Redirect():
                raise AssertionError("a redirect is followed, not found")

    def _judged(self, bare: Finding, body: Body) -> Finding:
        if any(word.strip() in OPT_OUT for word in body.robots.replace(":", ",").split(",")):
            return replace(bare, reason=Reason.OPTED_OUT, detail=f"X-Robots-Tag: {body.robots}")
        picture = judge(body.data, self._orders.limits)
        bare = replace(bare, bytes=len(body.data), etag=body.etag, last_modified=body.last_modified)
        if isinstance(picture, Unfit):
            return replace(bare, reason=picture.reason, detail=picture.detail)
        return replace(
            bare,
            digest=self._blobs.put(body.data),
            width=picture.width,
            height=picture.height,
            phash=picture.phash,
        )


def _pause_s(attempts: int, asked_s: float | None, most_s: float) -> float:
    """Exponential backoff with full jitter, or what the server asked for, up to a bound."""
    if asked_s is not None:
        return min(asked_s, most_s) + random.uniform(0, BACKOFF_S)
    return random.uniform(0.5, 1) * BACKOFF_S * 2**attempts


if __name__ == "__main__":
    prepare_process()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the run's affair; a worker ends when its pipe does
    work(Connection(int(sys.argv[1])))
