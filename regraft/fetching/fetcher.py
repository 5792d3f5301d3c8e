"""One process's client, its queue of hosts and its threads; and how a request becomes a finding."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from regraft.fetching.breaker import SILENT, Breaker
from regraft.fetching.host_queue import HostQueue
from regraft.fetching.outcomes import Attempt, fault, finding_of
from regraft.fetching.retries import may_retry, pause_s
from regraft.fetching.settings import WorkerSettings
from regraft.links.findings import Finding, Request
from regraft.store.blobs import Blobs
from regraft.store.disk import disk_at
from regraft.verdicts import Reason
from regraft.web.answers import Answer, Body, Failed, NotModified, Redirect
from regraft.web.client import Client
from regraft.web.urls import BadUrl, Blocked, host_and_port_of, normalised

MIN_DEADLINE_S = 0.05
"""What is left for a redirect at least, when the requests before it have used up the deadline."""
MAX_PARKED = 3
"""Times that a request waits for a host that only fails; then it fails with it."""


class Fetcher:
    """Fetches and judges links on threads of its own. `report` gets each request's number and its one finding."""

    def __init__(self, settings: WorkerSettings, report: Callable[[int, Finding], None]):
        self._settings, self._report = settings, report
        self._blobs = Blobs(disk_at(settings.store_url), nearby=settings.nearby)
        threads = max(1, settings.connections // settings.workers)
        self._client = Client.of(settings)
        # Every worker that may request a host keeps its own time, so each is slower by their number.
        self._queue: HostQueue[Attempt] = HostQueue(
            lambda host: max(1, settings.connections_to(host)),
            settings.pace_s * min(settings.workers, settings.per_host),
        )
        self._breaker = Breaker()
        self._is_allowed: Callable[[str], bool] = self._robots() if settings.robots else lambda url: True
        for _ in range(threads):
            threading.Thread(target=self._work, daemon=True).start()

    def put(self, number: int, request: Request) -> None:
        """Take in a request."""
        try:
            url = normalised(request.url)
            self._queue.put(host_and_port_of(url), Attempt(number=number, request=request, url=url))
        except BadUrl as error:
            self._report(number, Finding(url=request.url, reason=Reason.BAD_URL, detail=str(error)))
        except Blocked as error:
            self._report(number, Finding(url=request.url, reason=Reason.BLOCKED, detail=str(error)))

    def _robots(self) -> Callable[[str], bool]:
        from regraft.web.robots import Robots  # few jobs obey robots.txt, and the parser takes a while to import

        settings = self._settings
        return Robots(self._client, settings.user_agent, settings.deadline_s, self._queue.set_pace).allow

    def _work(self) -> None:
        while (taken := self._queue.take()) is not None:
            host, attempt = taken
            try:
                self._step(host, attempt)
            except Exception as error:  # every request gets exactly one finding, whatever happens
                self._report(attempt.number, fault(attempt, error))
            finally:
                self._queue.done(host)

    def _step(self, host: str, attempt: Attempt) -> None:
        """Send one request of an attempt, and do what its answer calls for."""
        wait_s = self._breaker.wait_s(host)
        if wait_s > 0:
            self._park(host, attempt, wait_s)
            return
        if not self._is_allowed(attempt.url):
            self._end(attempt, Failed(reason=Reason.OPTED_OUT, detail="robots.txt disallows it"))
            return
        attempt, answer = self._sent(attempt)
        match answer:
            case Failed() if answer.reason in SILENT and not answer.status:
                self._breaker.failed(host)
            case _:
                self._breaker.answered(host)
        match answer:
            case Redirect():
                self._follow(attempt, answer)
            case Failed() if may_retry(answer, attempt.attempts, self._settings.attempts):
                self._retry(host, attempt, answer)
            case _:
                self._end(attempt, answer)

    def _sent(self, attempt: Attempt) -> tuple[Attempt, Answer]:
        """One request and its answer."""
        request = attempt.request
        began = time.monotonic()
        answer = self._client.get(
            attempt.url,
            max(MIN_DEADLINE_S, self._settings.deadline_s - attempt.attempt_s),
            request.etag,
            request.last_modified,
        )
        took_s = time.monotonic() - began
        return replace(attempt, attempt_s=attempt.attempt_s + took_s, elapsed_s=attempt.elapsed_s + took_s), answer

    def _park(self, host: str, attempt: Attempt, wait_s: float) -> None:
        """Let an attempt wait until its host may be tried again; after a few times it fails with its host."""
        if attempt.parked < MAX_PARKED:
            self._queue.put(host, replace(attempt, parked=attempt.parked + 1), wait_s)
        else:
            detail = f"{host} only fails; this link was not asked for"
            self._end(attempt, Failed(reason=Reason.UNREACHABLE, detail=detail))

    def _follow(self, attempt: Attempt, redirect: Redirect) -> None:
        if attempt.redirects >= self._settings.max_redirects or redirect.url == attempt.url:
            detail = f"at {redirect.url}"[:200]
            self._end(attempt, Failed(reason=Reason.TOO_MANY_REDIRECTS, detail=detail, status=redirect.status))
        else:
            on = replace(attempt, url=redirect.url, redirects=attempt.redirects + 1)
            self._queue.put(host_and_port_of(on.url), on)

    def _retry(self, host: str, attempt: Attempt, failed: Failed) -> None:
        delay_s = pause_s(failed, attempt.attempts, self._settings.retry_after_s)
        if failed.reason is Reason.RATE_LIMITED:  # all our requests are too many, not this link's alone
            self._queue.hold(host, delay_s)
        url = normalised(attempt.request.url)
        again = replace(attempt, url=url, redirects=0, attempts=attempt.attempts + 1, attempt_s=0.0)
        self._queue.put(host_and_port_of(url), again, delay_s)

    def _end(self, attempt: Attempt, answer: Body | NotModified | Failed) -> None:
        self._report(attempt.number, finding_of(attempt, answer, self._settings.limits, self._blobs))
