"""What one run may spend on fetching."""

import threading
import time
from collections.abc import Callable


class Budget:
    """Seconds since it was made, and bytes of bodies; None is no bound. Shared by threads. `clock` returns seconds."""

    def __init__(self, max_seconds: float | None, max_bytes: int | None, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._ends_at = None if max_seconds is None else clock() + max_seconds
        self._max_bytes = self._bytes_left = max_bytes
        self._lock = threading.Lock()

    def part(self, share: float) -> "Budget":
        """Return a budget of its own that ends at the same time, with this share of the bytes that are left."""
        part = Budget(None, None if self._bytes_left is None else int(self._bytes_left * share), self._clock)
        part._ends_at = self._ends_at
        return part

    def spend(self, size: int) -> None:
        """Take the bytes of one body off it."""
        with self._lock:
            if self._bytes_left is not None:
                self._bytes_left -= size

    @property
    def share_left(self) -> float:
        """Which share of its bytes is left, 0 to 1; all of it where there is no bound."""
        if self._max_bytes is None or self._bytes_left is None:
            return 1.0
        return max(0.0, self._bytes_left / max(1, self._max_bytes))

    @property
    def is_spent(self) -> bool:
        """Whether no further link should be requested."""
        is_late = self._ends_at is not None and self._clock() > self._ends_at
        return is_late or (self._bytes_left is not None and self._bytes_left <= 0)
