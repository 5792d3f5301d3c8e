"""The hosts that a lane has had trouble with: who fetches it once more, for its guests, has to know of them.

A lane's next round begins later and may run elsewhere. A host that asked to be left alone, or gave no answer, is
treated there as it would have been here.
"""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from regraft.links.findings import Finding, Trouble
from regraft.web.urls import host_and_port_of


class Troubles:
    """What the findings of a lane say last of each host. Shared by threads. `clock` returns seconds."""

    def __init__(self, known: Iterable[Trouble] = (), clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._lock = threading.Lock()
        self._latest = {trouble.host: (trouble, clock()) for trouble in known}

    def note(self, finding: Finding) -> None:
        """Take in a finding: of the host that was asked last it says what is wrong, or that nothing is."""
        with self._lock:
            if finding.trouble is not None:
                self._latest[finding.trouble.host] = finding.trouble, self._clock()
            elif self._latest and finding.final_url:
                self._latest.pop(host_and_port_of(finding.final_url), None)

    def now(self) -> tuple[Trouble, ...]:
        """Return them as they are now."""
        with self._lock:
            now = self._clock()
            aged = [
                replace(
                    trouble,
                    pause_s=max(0.0, trouble.pause_s - (now - at)),
                    silent_s=trouble.silent_s + (now - at) if trouble.failures else 0.0,
                )
                for trouble, at in self._latest.values()
            ]
        return tuple(trouble for trouble in aged if trouble.pause_s or trouble.failures)
