"""Findings that are on their way from several processes."""

import threading
from collections.abc import Callable, Sequence

from regraft.fetching.budget import Budget
from regraft.links.findings import Finding, Request, skipped

Progress = Callable[[int], None]
"""Is called with the number of links that are done since the last call."""

SHARE_CHANGES_S = 0.5
"""Seconds between two looks at how many requests may be under way: fewer others may be fetching by then."""


class Pending:
    """Findings that are on their way."""

    def __init__(self, count: int, budget: Budget, progress: Progress):
        self._count, self._budget, self._progress = count, budget, progress
        self._findings: list[Finding] = []
        self._changed = threading.Condition()
        self._wants_room = False

    def add(self, finding: Finding) -> None:
        """Take one in."""
        with self._changed:
            self._findings.append(finding)
            self._budget.spend(finding.bytes)
            self._progress(1)
            if self._wants_room or len(self._findings) == self._count:
                self._changed.notify_all()

    def skip(self, requests: Sequence[Request], why: str) -> None:
        """Take in that some requests are not sent."""
        for request in requests:
            self.add(skipped(request, why))

    def wait_for_room(self, handed_out: int, share: Callable[[], int]) -> None:
        """Wait until fewer than `share()` of the requests that were handed out are under way."""
        with self._changed:
            self._wants_room = True
            while handed_out - len(self._findings) >= share():
                self._changed.wait(SHARE_CHANGES_S)
            self._wants_room = False

    def findings(self) -> list[Finding]:
        """Return all of them, in any order, once the last is in."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._findings) == self._count)
            return self._findings
