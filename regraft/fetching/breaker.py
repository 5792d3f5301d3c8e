"""Leaves a host alone that only fails: https://martinfowler.com/bliki/CircuitBreaker.html."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from regraft.verdicts import Reason

MAX_FAILURES = 10
"""Attempts in a row without any answer, before a host is left alone."""
COOL_S = 5.0
"""Seconds that a host is left alone; then it is tried once more."""
SILENT = (Reason.UNREACHABLE, Reason.TIMEOUT, Reason.TLS)
"""Failures without an answer. An error page is an answer: it says that the host is there."""


@dataclass(slots=True)
class _Host:
    failures: int = 0
    next_try_at: float = 0.0


class Breaker:
    """What one process knows of the hosts that fail; shared by its threads. `clock` returns seconds."""

    def __init__(
        self,
        max_failures: int = MAX_FAILURES,
        cool_s: float = COOL_S,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._max_failures, self._cool_s, self._clock = max_failures, cool_s, clock
        self._hosts: dict[str, _Host] = {}
        self._lock = threading.Lock()

    def wait_s(self, host: str) -> float:
        """Return 0 where a host may be requested now, else for how many seconds it is left alone.

        Once they have passed one caller may try; if that fails too, the host is left alone again.
        """
        with self._lock:
            state = self._hosts.get(host)
            if state is None or state.failures < self._max_failures:
                return 0.0
            now = self._clock()
            if now < state.next_try_at:
                return state.next_try_at - now
            state.next_try_at = now + self._cool_s
            return 0.0

    def answered(self, host: str) -> None:
        """Note that a host answered, whatever the answer was."""
        with self._lock:
            self._hosts.pop(host, None)

    def failed(self, host: str) -> None:
        """Note an attempt without an answer."""
        with self._lock:
            state = self._hosts.setdefault(host, _Host())
            state.failures += 1
            if state.failures == self._max_failures:
                state.next_try_at = self._clock() + self._cool_s
