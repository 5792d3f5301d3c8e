"""One process's client, its queue of hosts and its threads; and how a request becomes a finding."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from regraft.fetching.breaker import Breaker
from regraft.fetching.host_queue import HostQueue
from regraft.fetching.outcomes import Attempt, fault, finding_of
from regraft.fetching.own_limits import Turns, picture_clock, pictures_at_a_time
from regraft.fetching.retries import BACKOFF_S, MAX_TIMEOUT_ATTEMPTS, may_retry, pause_s
from regraft.fetching.settings import WorkerSettings
from regraft.fetching.waiting import Waiting
from regraft.links.findings import Finding, Request, Trouble, skipped
from regraft.links.lanes import is_spread, lane_of
from regraft.pictures.judge import Picture, Unfit, judge
from regraft.process import usable_cores
from regraft.store.blobs import Blobs
from regraft.store.disk import disk_at
from regraft.verdicts import Reason
from regraft.web.answers import Answer, Body, Failed, NotModified, Redirect, redirect_to
from regraft.web.client import Client
from regraft.web.memento import is_of_archive, with_original_bytes
from regraft.web.urls import BadUrl, Blocked, host_and_port_of

MIN_DEADLINE_S = 0.05
"""What is left for a redirect at least, when the requests before it have used up the deadline."""
HUNG_DEADLINE_SHARE = 0.2
"""Of the deadline, for a link that has used all of it in vain before: a host that is there answers sooner."""
MAX_UNANNOUNCED_BYTES = 1 << 20
"""Of a body that is known to be too large, where its server does not announce how large it is."""
FOUND = 302
"""The status of a redirect, as which a link to a memento counts."""
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
        self._turns = Turns(pictures_at_a_time(settings.workers, usable_cores()))
        self._queue: HostQueue[Attempt] = HostQueue(settings.connections_to, self._own_pace_s(settings.pace_s), clock)
        self._breaker = Breaker(clock=clock)
        self._under_way: dict[int, tuple[str, float | None]] = {}
        """By number of a request: its host, and when it is given up if that stays silent; None before it is sent."""
        self._paused_until: dict[str, float] = {}
        """When hosts may be asked again that have said so."""
        self._heeded: set[tuple[Trouble, ...]] = set()
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
        self._heed(request.troubles)
        try:
            self._queue_up(Attempt.of(number, request))
        except BadUrl as error:
            self._report(number, Finding(url=request.url, reason=Reason.BAD_URL, detail=str(error)))
        except Blocked as error:
            self._report(number, Finding(url=request.url, reason=Reason.BLOCKED, detail=str(error)))

    @property
    def is_idle(self) -> bool:
        """Whether every request that was taken in has its finding."""
        return not self._under_way

    def waiting(self) -> Waiting | None:
        """Return what is waited for; None where nothing is."""
        under_way = list(self._under_way.values())
        ends = [given_up_at for _, given_up_at in under_way if given_up_at is not None]
        is_all_sent = len(ends) == len(under_way)
        at_most_s = max(0.0, max(ends) - self._clock()) if ends and is_all_sent else None
        return Waiting(Counter(host for host, _ in under_way), at_most_s) if under_way else None

    def _heed(self, troubles: tuple[Trouble, ...]) -> None:
        """Treat hosts, once, as those did that had trouble with them."""
        if not troubles or troubles in self._heeded:
            return
        self._heeded.add(troubles)
        for trouble in troubles:
            if trouble.pause_s:
                self._pause(trouble.host, trouble.pause_s)
            if trouble.failures:
                self._breaker.heed(trouble.host, trouble.failures, trouble.silent_s)

    def _pause(self, host: str, pause_s: float) -> None:
        """Leave a host alone for so long, because it has said so."""
        self._paused_until[host] = self._clock() + pause_s
        self._queue.hold(host, pause_s)

    def _queue_up(self, attempt: Attempt, delay_s: float = 0) -> None:
        """Let an attempt wait for its turn; links that hung at their last check go last."""
        host = host_and_port_of(attempt.url)
        given_up_at = None
        if attempt.attempts:
            given_up_at = self._clock() + delay_s + self._settings.deadline_s + self._further_silence_s(attempt)
        self._under_way[attempt.number] = (host, given_up_at)
        self._queue.put(host, attempt, delay_s, is_last=attempt.request.has_hung)

    def _robots(self) -> Callable[[str], Failed | None]:
        from regraft.web.robots import Robots  # few jobs obey robots.txt, and the parser takes a while to import

        def set_pace(host: str, pace_s: float) -> None:
            self._queue.set_pace(host, self._own_pace_s(min(pace_s, settings.retry_after_s)))

        settings = self._settings
        return Robots(self._client, settings.user_agent, settings.deadline_s, set_pace, self._clock).refusal

    def _own_pace_s(self, pace_s: float) -> float:
        """Seconds between two requests of this worker to a host: each that may request it keeps its own time."""
        return pace_s * min(self._settings.workers, self._settings.per_host)

    def _work(self) -> None:
        while True:
            self._do(*self._queue.take())

    def _do(self, host: str, attempt: Attempt) -> None:
        try:
            self._step(host, attempt)
        except Exception as error:  # every request gets exactly one finding, whatever happens
            self._finish(attempt, fault(attempt, error))
        finally:
            self._queue.done(host)

    def _step(self, host: str, attempt: Attempt) -> None:
        """Send one request of an attempt, and do what its answer calls for."""
        if not self._breaker.may_try(host):
            for each in (attempt, *self._queue.drain(host)):
                self._give_up(host, each)
            return
        if (refusal := self._refusal(attempt.url)) is not None:
            self._refuse(attempt, refusal)
            return
        answer = self._send(host, attempt)
        self._note(host, answer)
        match answer:
            case Redirect():
                self._follow(attempt, answer)
            case Body(memento=None, memento_url=memento_url) if attempt.request.timegate and memento_url:
                self._follow_memento(attempt, memento_url)
            case Failed() if self._may_retry(attempt, answer):
                self._retry(host, attempt, answer)
            case Failed(reason=Reason.RATE_LIMITED) if attempt.request.timegate:
                self._end(attempt, answer)
                for each in self._queue.drain(host):
                    self._finish(each, skipped(each.request, "the archive asks to be left alone for now"))
            case _:
                self._end(attempt, answer)

    def _refuse(self, attempt: Attempt, refusal: Failed) -> None:
        """Do not request what robots.txt disallows; where it cannot be read, wait for it, and then do without."""
        if refusal.may_pass:
            self._queue_up(attempt, refusal.retry_after_s or 0.0)
        elif refusal.reason is Reason.OPTED_OUT:
            self._end(attempt, refusal)
        else:
            self._finish(attempt, replace(skipped(attempt.request, refusal.detail), local=refusal.local))

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
                if isinstance(answer, Failed) and answer.reason is Reason.RATE_LIMITED and answer.retry_after_s:
                    self._pause(host, min(answer.retry_after_s, self._settings.retry_after_s))
                if self._breaker.is_silent(host):
                    self._queue.slow_down(host, 0)
                self._breaker.answered(host)

    def _send(self, host: str, attempt: Attempt) -> Answer:
        """Send one request, note what it took, and return its answer."""
        request, settings = attempt.request, self._settings
        if not attempt.is_begun:
            attempt.attempts, attempt.is_begun = attempt.attempts + 1, True
        deadline_s = max(MIN_DEADLINE_S, self._deadline_s(attempt) - attempt.attempt_s)
        is_too_large = request.reason is Reason.TOO_LARGE and request.bytes > settings.max_bytes
        began = self._clock()
        given_up_at = began + deadline_s + self._further_silence_s(attempt)
        self._under_way[attempt.number] = (host, given_up_at)
        if request.timegate:
            answer = self._client.get_memento(attempt.url, deadline_s, request.near)
        else:
            max_unannounced = MAX_UNANNOUNCED_BYTES if is_too_large else None
            answer = self._client.get(attempt.url, deadline_s, request.etag, request.last_modified, max_unannounced)
        took_s = self._clock() - began
        attempt.attempt_s += took_s
        attempt.elapsed_s += took_s
        return answer

    def _deadline_s(self, attempt: Attempt) -> float:
        """Seconds for an attempt, with its redirects: fewer for a link that hung at its last check.

        So it is for one that showed a picture then and has hung now: its host is known to answer sooner, and the next
        run asks again.
        """
        request, failed = attempt.request, attempt.failed
        has_hung_now = failed is not None and failed.reason is Reason.TIMEOUT
        is_short = request.has_hung or (request.digest and has_hung_now)
        return self._settings.deadline_s * (HUNG_DEADLINE_SHARE if is_short else 1)

    def _further_silence_s(self, attempt: Attempt) -> float:
        """Seconds that further attempts at a link take at most, if none is answered."""
        attempts = 1 if attempt.request.has_hung else min(MAX_TIMEOUT_ATTEMPTS, self._settings.attempts)
        share = HUNG_DEADLINE_SHARE if attempt.request.digest else 1
        return _silence_s(max(1, attempt.attempts), attempts, self._settings.deadline_s * share)

    def _give_up(self, host: str, attempt: Attempt) -> None:
        """End an attempt whose host only fails: as it failed itself, or not asked for."""
        if attempt.failed is not None:
            self._end(attempt, attempt.failed)
        else:
            self._finish(attempt, skipped(attempt.request, f"{host} gives no answer, so it was not asked on"))

    def _follow(self, attempt: Attempt, redirect: Redirect) -> None:
        if attempt.redirects >= self._settings.max_redirects or redirect.url == attempt.url:
            detail = f"at {redirect.url}"[:200]
            self._end(attempt, Failed(reason=Reason.TOO_MANY_REDIRECTS, detail=detail, status=redirect.status))
        elif self._settings.removals.has_link(redirect.url):
            detail = "it redirects to what somebody had removed"
            self._end(attempt, Failed(reason=Reason.REMOVED, detail=detail, status=redirect.status))
        elif attempt.request.timegate and not is_of_archive(redirect.url, attempt.url):
            detail = f"the archive leads to another server: {redirect.url}"[:200]
            self._end(attempt, Failed(reason=Reason.BLOCKED, detail=detail, status=redirect.status))
        else:
            target = with_original_bytes(redirect.url) if attempt.request.timegate else redirect.url
            attempt.url, attempt.redirects, attempt.failed = target, attempt.redirects + 1, None
            self._go_on(attempt)

    def _go_on(self, attempt: Attempt) -> None:
        """Request where a redirect leads, or have that done by the process that asks this host."""
        here, there = self._lanes_of(attempt)
        if here == there and self._settings.connections_to(host_and_port_of(attempt.url)) > 0:
            self._queue_up(attempt)
            return
        request = attempt.request
        onward = replace(request, trail=attempt.trail(there))
        detail = "another process goes on with it"
        self._finish(attempt, replace(skipped(request, detail), onward=onward, is_elsewhere=here != there))

    def _lanes_of(self, attempt: Attempt) -> tuple[int | None, int | None]:
        """The lane that an attempt is in, and the one that asks its host; None where one machine fetches all."""
        layout, trail = self._settings.layout, attempt.request.trail
        if layout is None:
            return None, None
        here = trail.lane if trail else lane_of(attempt.request.url, layout)
        return here, here if is_spread(attempt.url, layout) else lane_of(attempt.url, layout)

    def _follow_memento(self, attempt: Attempt, memento_url: str) -> None:
        """Go from a page that stands around a memento to the memento itself."""
        match redirect_to(attempt.url, FOUND, memento_url):
            case Redirect() as redirect:
                self._follow(attempt, redirect)
            case Failed() as failed:
                self._end(attempt, failed)

    def _may_retry(self, attempt: Attempt, failed: Failed) -> bool:
        """Whether a link is tried once more: not where it fails as it did at its last check, all attempts in vain."""
        if attempt.request.timegate and (failed.retry_after_s or 0) > self._settings.retry_after_s:
            return False  # an archive is asked again when it says, and that is not in this run
        is_as_before = failed.reason is attempt.request.reason and failed.reason is not Reason.RATE_LIMITED
        return not is_as_before and may_retry(failed, attempt.attempts, self._settings.attempts)

    def _retry(self, host: str, attempt: Attempt, failed: Failed) -> None:
        delay_s = pause_s(failed, attempt.attempts, self._settings.retry_after_s)
        if failed.reason is Reason.RATE_LIMITED:  # all our requests are too many, not this link's alone
            self._queue.hold(host, delay_s)
        if failed.is_silence and self._breaker.is_silent(host):
            delay_s = min(SILENT_RETRY_S, self._breaker.patience_left_s(host))
        attempt.begin_again()
        attempt.failed = failed
        self._queue_up(attempt, delay_s)

    def _end(self, attempt: Attempt, answer: Body | NotModified | Failed) -> None:
        self._finish(attempt, finding_of(attempt, answer, self._judge, self._blobs, self._settings.removals))

    def _judge(self, data: bytes) -> Picture | Unfit:
        """What some bytes are, judged when it is their turn."""
        with self._turns, picture_clock.running():
            return judge(data, self._settings.limits)

    def _finish(self, attempt: Attempt, finding: Finding) -> None:
        host, _ = self._under_way.pop(attempt.number, ("", None))
        if self._settings.layout is not None:  # the lane may be fetched once more, and elsewhere
            finding = replace(finding, trouble=self._trouble(host))
        self._report(attempt.number, finding)

    def _trouble(self, host: str) -> Trouble | None:
        """What is known of a host that is not well."""
        pause_s = max(0.0, self._paused_until.get(host, 0.0) - self._clock())
        failures, silent_s = self._breaker.trouble(host)
        return Trouble(host, pause_s, failures, silent_s) if pause_s or failures else None


@lru_cache
def _silence_s(attempts: int, max_attempts: int, deadline_s: float) -> float:
    """Seconds that a link takes after so many attempts, if none of the further ones is answered."""
    return sum(BACKOFF_S * 2 ** (number - 1) + deadline_s for number in range(attempts, max_attempts))
