"""The processes that fetch and judge links. Each has its own connections and threads; bytes never leave them.

Two processes because Python's HTTP and the decoders are CPU work; threads in each because links wait. A picture that
crashes a decoder ends its process: the links under way there are tried again one at a time, and the one that does
it again is charged, not the run.
"""

import hashlib
import multiprocessing
import os
import queue
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from typing import Any
from urllib.parse import urlsplit

from regraft.config import FetchSettings, ScreenSettings
from regraft.guard import BadUrl, Blocked, Guard, spelt
from regraft.images import Limits, Unfit, judge
from regraft.links import Finding, Job
from regraft.schedule import Schedule
from regraft.store import Store
from regraft.web import Body, Client, Exchange, Failed, NotModified, Redirect

UNDER_WAY = 512
"""Links handed to one process at a time: enough for hosts to take turns, few enough for memory to stay flat."""
TIMEOUT_ATTEMPTS = 2
BACKOFF_S = 0.5
CRASHED = "truncated"
OPT_OUT = ("noai", "noimageai", "noindex", "none")
Settings = tuple[str, FetchSettings, ScreenSettings]


class Crew:
    """Worker processes, shared by the shards of a run. Use it as a context; `fetch` may be called from many threads."""

    def __init__(self, store: Store, fetch: FetchSettings, screen: ScreenSettings):
        self._settings: Settings = (store.url, fetch, screen)
        count = fetch.processes or os.cpu_count() or 1
        self._workers = [_Worker(self._settings, place, count) for place in range(min(count, fetch.connections))]
        self._per_host = fetch.per_host

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def fetch(self, jobs: Sequence[Job], progress: Callable[[int], None] = lambda _: None) -> list[Finding]:
        """Return a finding for each job, in any order. Blocks until the last is in."""
        findings: list[Finding] = []
        complete = threading.Event()
        lock = threading.Lock()

        def done(finding: Finding) -> None:
            with lock:
                findings.append(finding)
                last = len(findings) == len(jobs)
            progress(1)
            if last:
                complete.set()

        for job in jobs:
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
        host = _host(url)
        allowed = [w for w in self._workers if slots(host, w.place, count, self._per_host) > 0]
        return min(allowed, key=lambda worker: worker.load)


def slots(host: str, place: int, count: int, per_host: int) -> int:
    """Return how many of a host's `per_host` connections belong to the worker at `place` of `count`.

    The shares of all workers sum to `per_host`, so the limit holds over processes that never speak to each other.
    """
    start = hashlib.sha256(host.encode("utf-8", "surrogatepass")).digest()[0]
    return sum(1 for i in range(per_host) if (start + i) % count == place)


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
            self._send((number, job))

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
        ours.send((0, job))
        [(_, finding)] = ours.recv()
        ours.send(None)
        process.join(2)
        return finding
    except (EOFError, OSError):
        return Finding(job.url, CRASHED, attempts=1, detail="its bytes crash the decoder")
    finally:
        process.kill()
        process.join()


@dataclass(frozen=True, slots=True)
class _Task:
    """A job on its way: where its redirects led, how often it was tried, how long it took."""

    number: int
    job: Job
    url: str
    hops: int = 0
    attempts: int = 0
    attempt_s: float = 0.0
    elapsed_s: float = 0.0


def work(pipe: Connection, settings: Settings, place: int, count: int) -> None:
    """Fetch and judge jobs from a pipe until told None: the main of a worker process."""
    fetcher = Fetcher(settings, place, count)
    fetcher.run(pipe)
    os._exit(0)  # threads may wait on sockets; nothing they hold is worth waiting for


class Fetcher:
    """One process's client, its schedule, its threads."""

    def __init__(self, settings: Settings, place: int = 0, count: int = 1):
        store, self._fetch, screen = settings
        fetch = self._fetch
        self._store = Store(store)
        self._limits = Limits(screen.min_side, screen.max_pixels)
        threads = max(1, fetch.connections // count)
        self._client = Client(
            Guard(fetch.allow), proxy=fetch.proxy, user_agent=fetch.user_agent, connect_s=fetch.connect_s,
            max_bytes=fetch.max_bytes, connections=threads,
        )  # fmt: skip
        self._schedule: Schedule[_Task] = Schedule(lambda host: max(1, slots(host, place, count, fetch.per_host)))
        self._found: queue.SimpleQueue[tuple[int, Finding]] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]

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
            number, job = message
            self._begin(number, job)

    def _begin(self, number: int, job: Job) -> None:
        try:
            url = spelt(job.url)
            self._schedule.put(_host(url), _Task(number, job, url))
        except BadUrl as error:
            self._found.put((number, Finding(job.url, "bad_url", detail=str(error))))
        except Blocked as error:
            self._found.put((number, Finding(job.url, "blocked", detail=str(error))))

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
                self._step(task)
            except Exception as error:  # every job gets exactly one finding, whatever happens
                fault = f"{type(error).__name__}: {error}"[:200]
                finding = Finding(task.job.url, "unreachable", attempts=task.attempts + 1, local=True, detail=fault)
                self._found.put((task.number, finding))
            finally:
                self._schedule.done(host)

    def _step(self, task: _Task) -> None:
        job = task.job
        known = bool(job.etag or job.last_modified) and bool(job.digest) and self._store.has_blob(job.digest)
        began = time.monotonic()
        exchange = self._client.get(
            task.url,
            max(0.05, self._fetch.deadline_s - task.attempt_s),
            job.etag if known else "",
            job.last_modified if known else "",
        )
        spent = time.monotonic() - began
        task = replace(task, attempt_s=task.attempt_s + spent, elapsed_s=task.elapsed_s + spent)
        if isinstance(exchange, Redirect):
            self._follow(task, exchange)
        elif isinstance(exchange, Failed) and self._may_retry(task, exchange):
            delay_s = _pause_s(task.attempts, exchange.retry_after_s, self._fetch.retry_after_s)
            again = replace(task, url=spelt(job.url), hops=0, attempts=task.attempts + 1, attempt_s=0.0)
            self._schedule.put(_host(again.url), again, delay_s)
        else:
            self._found.put((task.number, self._finding(task, exchange)))

    def _follow(self, task: _Task, redirect: Redirect) -> None:
        if task.hops >= self._fetch.max_redirects or redirect.url == task.url:
            failed = Failed("too_many_redirects", f"at {redirect.url}"[:200], redirect.status)
            self._found.put((task.number, self._finding(task, failed)))
        else:
            self._schedule.put(_host(redirect.url), replace(task, url=redirect.url, hops=task.hops + 1))

    def _may_retry(self, task: _Task, failed: Failed) -> bool:
        most = min(TIMEOUT_ATTEMPTS, self._fetch.attempts) if failed.reason == "timeout" else self._fetch.attempts
        return failed.may_pass and task.attempts + 1 < most

    def _finding(self, task: _Task, exchange: Exchange) -> Finding:
        bare = Finding(task.job.url, final_url=task.url, attempts=task.attempts + 1, elapsed_s=round(task.elapsed_s, 4))
        match exchange:
            case Failed():
                return replace(
                    bare, reason=exchange.reason, http_status=exchange.status, local=exchange.local,
                    detail=exchange.detail,
                )  # fmt: skip
            case NotModified():
                return replace(bare, http_status=304, outcome="not_modified")
            case Body():
                return self._judged(replace(bare, http_status=200), exchange)
            case Redirect():
                raise AssertionError("a redirect is followed, not found")

    def _judged(self, bare: Finding, body: Body) -> Finding:
        if any(word.strip() in OPT_OUT for word in body.robots.replace(":", ",").split(",")):
            return replace(bare, reason="opted_out", detail=f"X-Robots-Tag: {body.robots}")
        picture = judge(body.data, self._limits)
        bare = replace(bare, bytes=len(body.data))
        if isinstance(picture, Unfit):
            return replace(bare, reason=picture.reason, detail=picture.detail)
        return replace(
            bare, digest=self._store.put_blob(body.data), width=picture.width, height=picture.height,
            phash=picture.phash, etag=body.etag, last_modified=body.last_modified,
        )  # fmt: skip


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""


def _pause_s(attempts: int, asked_s: float | None, most_s: float) -> float:
    """Exponential backoff with full jitter, or what the server asked for, up to a bound."""
    if asked_s is not None:
        return min(asked_s, most_s) + random.uniform(0, BACKOFF_S)
    return random.uniform(0.5, 1) * BACKOFF_S * 2**attempts
