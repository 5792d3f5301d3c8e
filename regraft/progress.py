"""How far a run is, and how long each step took. Steps report it; the program decides how to show it."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol

log = logging.getLogger("regraft")
LOG_EVERY_S = 10.0


class Display(Protocol):
    """Shows the progress of steps; called from many threads, one call at a time."""

    def show(self, step: str, done: int, total: int) -> None:
        """Show that `done` of a step's `total` units are done."""
        ...

    def show_waiting(self, step: str, reason: str) -> None:
        """Show what a step waits for, so that how fast it was says nothing of the time left; "" where it goes on."""
        ...


class LogDisplay:
    """Progress as log lines, one every few seconds and one at each step's end: for schedules, pipes and dashboards."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}

    def show(self, step: str, done: int, total: int) -> None:
        """Log how far a step is, unless something was logged of it within the last seconds."""
        if total > 1 and (self._is_time(step) or done == total):
            log.info("%s: %s of %s", step, done, total)

    def show_waiting(self, step: str, reason: str) -> None:
        """Log what a step waits for, unless something was logged of it within the last seconds."""
        if reason and self._is_time(step):
            log.info("%s: %s", step, reason)

    def _is_time(self, step: str) -> bool:
        now = time.monotonic()
        if now - self._last.setdefault(step, now) <= LOG_EVERY_S:
            return False
        self._last[step] = now
        return True


_display: Display = LogDisplay()


def set_display(display: Display) -> None:
    """Choose how this process shows progress; a program does it at its start."""
    global _display
    _display = display


class Meter:
    """The progress and the timings of one run's steps; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done: dict[str, int] = {}
        self._total: dict[str, int] = {}
        self._began: dict[str, float] = {}
        self._ended: dict[str, float] = {}
        self._waiting: dict[str, str] = {}
        self._elsewhere: dict[tuple[str, str], tuple[int, int]] = {}
        """What other processes said last, by their name and the step."""

    def expect(self, step: str, total: int) -> Callable[[int], None]:
        """Announce `total` units of a step, or so many more; return the function to call when some of them are done."""
        with self._lock:
            now = time.monotonic()
            self._began.setdefault(step, now)
            self._ended[step] = now
            self._total[step] = self._total.get(step, 0) + total
            self._done.setdefault(step, 0)
            _display.show(step, self._done[step], self._total[step])

        def advance(units: int) -> None:
            with self._lock:
                self._done[step] += units
                self._ended[step] = time.monotonic()
                _display.show(step, self._done[step], self._total[step])

        return advance

    def wait(self, step: str, reason: str) -> None:
        """Note what a step waits for, in words; "" where it goes on."""
        with self._lock:
            if self._waiting.get(step, "") != reason:
                self._waiting[step] = reason
                _display.show_waiting(step, reason)

    def merge(self, source: str, step: str, done: int, total: int) -> None:
        """Take in how far a step is in another process, of which `source` is the name."""
        with self._lock:
            done_before, total_before = self._elsewhere.get((source, step), (0, 0))
            self._elsewhere[source, step] = (done, total)
            now = time.monotonic()
            self._began.setdefault(step, now)
            self._ended[step] = now
            self._done[step] = self._done.get(step, 0) + done - done_before
            self._total[step] = self._total.get(step, 0) + total - total_before
            _display.show(step, self._done[step], self._total[step])

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure a step that has no smaller units: the context is the step."""
        advance = self.expect(name, 1)
        yield
        advance(1)

    def counts(self) -> dict[str, tuple[int, int]]:
        """Return by step how many units are done, and of how many."""
        with self._lock:
            return {step: (self._done[step], total) for step, total in self._total.items()}

    def waiting(self) -> dict[str, str]:
        """Return by step what it waits for, in words; "" where it goes on."""
        with self._lock:
            return dict(self._waiting)

    def timings(self) -> dict[str, float]:
        """Return by step how many seconds it took; for a step under way, how many it has taken until now."""
        with self._lock:
            now = time.monotonic()
            ended = {step: at if self._done[step] >= self._total[step] else now for step, at in self._ended.items()}
            return {step: round(ended[step] - began, 3) for step, began in self._began.items()}
