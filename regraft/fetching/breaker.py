"""Stops asking a host that only fails: https://martinfowler.com/bliki/CircuitBreaker.html."""

import threading
import time
from dataclasses import dataclass

from regraft.verdicts import Reason

FAILURES = 10
"""Attempts in a row that came to no answer at all, before a host is left alone."""
COOL_S = 5.0
"""Seconds until it is asked once more."""
SILENT = (Reason.UNREACHABLE, Reason.TIMEOUT, Reason.TLS)
"""Failures without an answer; an error page is one, and says that the host is there."""


@dataclass(slots=True)
class _Host:
    failures: int = 0
    asked_again_at: float = 0.0


class Breaker:
    """What one process knows of the hosts that fail; shared by its threads."""

    def __init__(self, failures: int = FAILURES, cool_s: float = COOL_S):
        self._failures, self._cool_s = failures, cool_s
        self._hosts: dict[str, _Host] = {}
        self._lock = threading.Lock()

    def wait_s(self, host: str) -> float:
        """Return 0 where the host may be asked now, else for how many seconds it is left alone.

        Once they have passed one caller may ask; if that fails too, the host is left alone for longer.
        """
        with self._lock:
            state = self._hosts.get(host)
            if state is None or state.failures < self._failures:
                return 0.0
            now = time.monotonic()
            if now < state.asked_again_at:
                return state.asked_again_at - now
            state.asked_again_at = now + self._cool_s
            return 0.0

    def answered(self, host: str) -> None:
        """Note that a host answered, whatever it said."""
        with self._lock:
            self._hosts.pop(host, None)

    def failed(self, host: str) -> None:
        """Note an attempt without an answer."""
        with self._lock:
            state = self._hosts.setdefault(host, _Host())
            state.failures += 1
            if state.failures == self._failures:
                state.asked_again_at = time.monotonic() + self._cool_s
