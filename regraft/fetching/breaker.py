"""Leaves a host alone that only fails: https://martinfowler.com/bliki/CircuitBreaker.html.

A host's bad minute is not the death of its links. So a host that gives no answer many times in a row is asked on, but
slowly; where it stays silent it is given up, and what was not asked of it stays unknown. One answer, whatever it says,
and all is forgotten.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

MAX_FAILURES = 5
"""Attempts in a row without an answer, after which a host counts as silent."""
PATIENCE_S = 12.0
"""Seconds since the first of them, after which a silent host is given up."""
REST_S = 15.0
"""Seconds after its last failure in which a host that was given up is not asked at all; then one attempt may try."""


@dataclass(slots=True)
class _Silence:
    """Failures of one host in a row."""

    since: float
    failures: int = 0
    next_trial_at: float = 0.0


class Breaker:
    """What one process knows of the hosts that fail; shared by its threads. `clock` returns seconds."""

    def __init__(
        self,
        max_failures: int = MAX_FAILURES,
        patience_s: float = PATIENCE_S,
        rest_s: float = REST_S,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._max_failures, self._patience_s, self._rest_s, self._clock = max_failures, patience_s, rest_s, clock
        self._silences: dict[str, _Silence] = {}
        self._lock = threading.Lock()

    def is_silent(self, host: str) -> bool:
        """Return whether a host has only failed for a while, so that it is to be asked slowly."""
        with self._lock:
            silence = self._silences.get(host)
            return silence is not None and silence.failures >= self._max_failures

    def patience_left_s(self, host: str) -> float:
        """Return the seconds until a host that goes on failing is given up."""
        with self._lock:
            silence = self._silences.get(host)
            return self._patience_s if silence is None else max(0.0, silence.since + self._patience_s - self._clock())

    def may_try(self, host: str) -> bool:
        """Return whether a host may be requested now; False where it was given up.

        A host that was given up may be tried by one caller when it has rested; if that fails, it rests again.
        """
        with self._lock:
            silence, now = self._silences.get(host), self._clock()
            if silence is None or silence.failures < self._max_failures or now < silence.since + self._patience_s:
                return True
            if now < silence.next_trial_at:
                return False
            silence.next_trial_at = now + self._rest_s
            return True

    def trouble(self, host: str) -> tuple[int, float]:
        """Return how many attempts in a row a host gave no answer to, and the seconds since the first of them."""
        with self._lock:
            silence = self._silences.get(host)
            return (silence.failures, self._clock() - silence.since) if silence else (0, 0.0)

    def heed(self, host: str, failures: int, silent_s: float) -> None:
        """Take over what `trouble` has said elsewhere; what is known here of that host stays."""
        with self._lock:
            now = self._clock()
            self._silences.setdefault(host, _Silence(now - silent_s, failures, next_trial_at=now + self._rest_s))

    def answered(self, host: str) -> None:
        """Note that a host answered, whatever the answer was."""
        with self._lock:
            self._silences.pop(host, None)

    def failed(self, host: str) -> None:
        """Note an attempt without an answer."""
        with self._lock:
            now = self._clock()
            silence = self._silences.setdefault(host, _Silence(since=now))
            silence.failures += 1
            silence.next_trial_at = now + self._rest_s
