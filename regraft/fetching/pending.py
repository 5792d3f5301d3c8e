"""Findings that are on their way from several processes."""

import threading
import time
from collections.abc import Callable, Sequence

from regraft.fetching.budget import Budget
from regraft.fetching.worker_process import OnFinding
from regraft.links.findings import Finding, Request, skipped
from regraft.verdicts import Reason

Progress = Callable[[int], None]
"""Is called with the number of links that are done since the last call."""

Shares = Callable[[], tuple[int, int]]
"""Says how many requests are few, and how many may be under way at most."""

Keep = Callable[[Sequence[Finding]], None]
"""Is called now and then with the findings that came in since the last call, so that a kill loses few of them."""
KEEP_S = 5.0
"""Seconds between two such calls at least."""
KEEP_SHARE = 0.01
"""Of the time that such calls may take."""
LULL_S = 0.1
"""Seconds without room for more requests from which on findings come slowly."""


class Pending:
    """Findings that are on their way. Whoever waits for them hands them to `keep` now and then."""

    def __init__(self, count: int, budget: Budget, on_finding: OnFinding, keep: Keep, keep_s: float):
        self._count, self._budget, self._on_finding, self._keep = count, budget, on_finding, keep
        self._keep_s, self._kept, self._keep_at = keep_s, 0, time.monotonic() + keep_s
        self._findings: list[Finding] = []
        self._changed = threading.Condition()
        self._awaited = count
        """After how many findings whoever waits is to go on."""

    def add(self, finding: Finding) -> None:
        """Take one in."""
        with self._changed:
            self._findings.append(finding)
            self._budget.spend(0 if finding.reason is Reason.TOO_LARGE else finding.bytes)
            self._on_finding(finding)
            if len(self._findings) >= self._awaited:
                self._changed.notify_all()

    def skip(self, requests: Sequence[Request], why: str) -> None:
        """Take in that some requests are not sent."""
        for request in requests:
            self.add(skipped(request, why))

    def wait_for_room(self, handed_out: int, shares: Shares) -> None:
        """Wait until few of the requests that were handed out are under way; in a lull, until there is any room.

        So processes that fetch quickly have little left at any time, and end together; and those that wait for slow
        hosts have many to choose from.
        """
        while True:
            few, most = shares()
            with self._changed:
                if self._has_come(handed_out - few + 1, LULL_S) or handed_out - len(self._findings) < most:
                    return
            self._keep_new()

    def findings(self) -> list[Finding]:
        """Return all of them, in any order, once the last is in."""
        while True:
            with self._changed:
                if self._has_come(self._count, self._keep_s):
                    return self._findings
            self._keep_new()

    def _has_come(self, count: int, timeout_s: float) -> bool:
        """Wait until so many findings have come in, for `timeout_s` seconds at most; return whether they have."""
        self._awaited = count
        has_come = self._changed.wait_for(lambda: len(self._findings) >= count, timeout_s)
        self._awaited = self._count
        return has_come

    def _keep_new(self) -> None:
        """Hand on what came in since the last time, if that was a while ago."""
        began = time.monotonic()
        if began < self._keep_at:
            return
        with self._changed:
            new, self._kept = self._findings[self._kept :], len(self._findings)
        if new:
            self._keep(new)
        took_s = time.monotonic() - began
        self._keep_at = time.monotonic() + max(self._keep_s, took_s / KEEP_SHARE)
