"""One process's client, its queue of hosts and its threads; and how a request becomes a finding."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from regraft.fetching.breaker import Breaker
from regraft.fetching.host_queue import HostQueue
from regraft.fetching.outcomes import Attempt, fault, finding_of
from regraft.fetching.retries import may_retry, pause_s
from regraft.fetching.settings import WorkerSettings
from regraft.links.findings import Finding, Request, skipped
from regraft.store.blobs import Blobs
from regraft.store.disk import disk_at
from regraft.verdicts import Reason
from regraft.web.answers import Answer, Body, Failed, NotModified, Redirect
from regraft.web.client import Client
from regraft.web.urls import BadUrl, Blocked, host_and_port_of, normalised

MIN_DEADLINE_S = 0.05
"""What is left for a redirect at least, when the requests before it have used up the deadline."""
SILENT_PACE_S = 0.3
"""Seconds between two requests to a silent host: links that were not asked for yet find out whether it is back."""
SILENT_RETRY_S = 9.0
"""Seconds after which a link of a silent host is tried again, or when it is given up, if that is earlier."""


class Fetcher:
    """Fetches and judges links. `report` gets each request's number and its one finding.

    `clock` returns seconds; with another one than the default use `step`, as threads wait in real time.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        report: Callable[[int, Finding], None],
        client: Client | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._settings, self._report, self._clock = settings, report, clock
        self._blobs = Blobs(disk_at(settings.store_url), nearby=settings.nearby)
        self._client = client or Client.of(settings)
        # Every worker that may request a host keeps its own time, so each is slower by their number.
        self._queue: HostQueue[Attempt] = HostQueue(
            lambda host: max(1, settings.connections_to(host)),
            settings.pace_s * min(settings.workers, settings.per_host),
            clock,
        )
        self._breaker = Breaker(clock=clock)
        self._refusal: Callable[[str], Failed | None] = self._robots() if settings.robots else lambda url: None

    def start(self) -> None:
        """Fetch on threads of its own, until the process ends."""
        for _ in range(self._settings.threads):
            threading.Thread(target=self._work, daemon=True).start()

    def step(self) -> bool:
        """Do what is due for one request; return whether anything was due."""
        taken = self._queue.poll()
        if taken is not None:
            self._do(*taken)
        return taken is not None

    def put(self, number: int, request: Request) -> None:
        """Take in a request."""
        try:
            url = normalised(request.url)
            self._queue.put(host_and_port_of(url), Attempt(number=number, request=request, url=url))
        except BadUrl as error:
            self._report(number, Finding(url=request.url, reason=Reason.BAD_URL, detail=str(error)))
        except Blocked as error:
            self._report(number, Finding(url=request.url, reason=Reason.BLOCKED, detail=str(error)))

    def _robots(self) -> Callable[[str], Failed | None]:
        from regraft.web.robots import Robots  # few jobs obey robots.txt, and the parser takes a while to import

        settings = self._settings
        return Robots(self._client, settings.user_agent, settings.deadline_s, self._queue.set_pace, self._clock).refusal

    def _work(self) -> None:
        while (taken := self._queue.take()) is not None:
            self._do(*taken)

    def _do(self, host: str, attempt: Attempt) -> None:
        try:
            self._step(host, attempt)
        except Exception as error:  # every request gets exactly one finding, whatever happens
            self._report(attempt.number, fault(attempt, error))
        finally:
            self._queue.done(host)

    def _step(self, host: str, attempt: Attempt) -> None:
        """Send one request of an attempt, and do what its answer calls for."""
        if not self._breaker.may_try(host):
            for each in (attempt, *self._queue.drain(host)):
                self._give_up(host, each)
            return
        if (refusal := self._refusal(attempt.url)) is not None:
            self._refuse(host, attempt, refusal)
            return
        attempt, answer = self._sent(attempt)
        self._note(host, answer)
        match answer:
            case Redirect():
                self._follow(attempt, answer)
            case Failed() if may_retry(answer, attempt.attempts, self._settings.attempts):
                self._retry(host, attempt, answer)
            case _:
                self._end(attempt, answer)

    def _refuse(self, host: str, attempt: Attempt, refusal: Failed) -> None:
        """Do not request what robots.txt disallows; where it cannot be read, wait for it, and then do without."""
        if refusal.may_pass:
            self._queue.put(host, attempt, refusal.retry_after_s or 0.0)
        elif refusal.reason is Reason.OPTED_OUT:
            self._end(attempt, refusal)
        else:
            self._report(attempt.number, replace(skipped(attempt.request, refusal.detail), local=refusal.local))

    def _note(self, host: str, answer: Answer) -> None:
        """Let the breaker know what came of a request; a silent host is asked slowly until it answers."""
        match answer:
            case Failed() if answer.is_silence:
                self._breaker.failed(host)
                if self._breaker.is_silent(host):
                    self._queue.slow_down(host, SILENT_PACE_S)
            case Failed(status=0):
                pass  # says nothing about the host: it was not asked, or there is none of that name
            case _:
                if self._breaker.is_silent(host):
                    self._queue.slow_down(host, 0)
                self._breaker.answered(host)

    def _sent(self, attempt: Attempt) -> tuple[Attempt, Answer]:
        """One request and its answer."""
        request = attempt.request
        if attempt.redirects == 0:
            attempt = replace(attempt, attempts=attempt.attempts + 1)
        began = self._clock()
        answer = self._client.get(
            attempt.url,
            max(MIN_DEADLINE_S, self._settings.deadline_s - attempt.attempt_s),
            request.etag,
            request.last_modified,
        )
        took_s = self._clock() - began
        return replace(attempt, attempt_s=attempt.attempt_s + took_s, elapsed_s=attempt.elapsed_s + took_s), answer

    def _give_up(self, host: str, attempt: Attempt) -> None:
        """End an attempt whose host only fails: as it failed itself, or not asked for."""
        if attempt.failed is not None:
            self._end(attempt, attempt.failed)
        else:
            self._report(attempt.number, skipped(attempt.request, f"{host} gives no answer, so it was not asked on"))

    def _follow(self, attempt: Attempt, redirect: Redirect) -> None:
        if attempt.redirects >= self._settings.max_redirects or redirect.url == attempt.url:
            detail = f"at {redirect.url}"[:200]
            self._end(attempt, Failed(reason=Reason.TOO_MANY_REDIRECTS, detail=detail, status=redirect.status))
        else:
            on = replace(attempt, url=redirect.url, redirects=attempt.redirects + 1, failed=None)
            self._queue.put(host_and_port_of(on.url), on)

    def _retry(self, host: str, attempt: Attempt, failed: Failed) -> None:
        delay_s = pause_s(failed, attempt.attempts, self._settings.retry_after_s)
        if failed.reason is Reason.RATE_LIMITED:  # all our requests are too many, not this link's alone
            self._queue.hold(host, delay_s)
        if failed.is_silence and self._breaker.is_silent(host):
            delay_s = min(SILENT_RETRY_S, self._breaker.patience_left_s(host))
        url = normalised(attempt.request.url)
        again = replace(attempt, url=url, redirects=0, failed=failed, attempt_s=0.0)
        self._queue.put(host_and_port_of(url), again, delay_s)

    def _end(self, attempt: Attempt, answer: Body | NotModified | Failed) -> None:
        self._report(attempt.number, finding_of(attempt, answer, self._settings.limits, self._blobs))
