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

Keep = Callable[[Sequence[Finding]], None]
"""Is called now and then with the findings that came in since the last call, so that a kill loses few of them."""
KEEP_S = 5.0
"""Seconds between two such calls at least."""
KEEP_SHARE = 0.01
"""Of the time that such calls may take."""
SHARE_CHANGES_S = 0.5
"""Seconds between two looks at how many requests may be under way: fewer others may be fetching by then."""


class Pending:
    """Findings that are on their way. Whoever waits for them hands them to `keep` now and then."""

    def __init__(self, count: int, budget: Budget, on_finding: OnFinding, keep: Keep, keep_s: float):
        self._count, self._budget, self._on_finding, self._keep = count, budget, on_finding, keep
        self._keep_s, self._kept, self._keep_at = keep_s, 0, time.monotonic() + keep_s
        self._findings: list[Finding] = []
        self._changed = threading.Condition()
        self._wants_room = False

    def add(self, finding: Finding) -> None:
        """Take one in."""
        with self._changed:
            self._findings.append(finding)
            self._budget.spend(0 if finding.reason is Reason.TOO_LARGE else finding.bytes)
            self._on_finding(finding)
            if self._wants_room or len(self._findings) == self._count:
                self._changed.notify_all()

    def skip(self, requests: Sequence[Request], why: str) -> None:
        """Take in that some requests are not sent."""
        for request in requests:
            self.add(skipped(request, why))

    def wait_for_room(self, handed_out: int, share: Callable[[], int]) -> None:
        """Wait until fewer than `share()` of the requests that were handed out are under way."""
        while True:
            with self._changed:
                self._wants_room = handed_out - len(self._findings) >= share()
                if not self._wants_room:
                    return
                self._changed.wait(SHARE_CHANGES_S)
            self._keep_new()

    def findings(self) -> list[Finding]:
        """Return all of them, in any order, once the last is in."""
        while True:
            with self._changed:
                if self._changed.wait_for(lambda: len(self._findings) == self._count, self._keep_s):
                    return self._findings
            self._keep_new()

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
