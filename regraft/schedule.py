"""Which link is asked next: at most so many at a time from one host, and none before its time."""

import heapq
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class _Host(Generic[T]):
    waiting: deque[T] = field(default_factory=deque)
    free: int = 1
    ready: bool = False


class Schedule(Generic[T]):
    """A queue of tasks by host, shared by threads. A slow or limited host never holds up another's links.

    `slots_of(host)` tells how many of a host's tasks may be under way at once.
    """

    def __init__(self, slots_of: Callable[[str], int]):
        self._slots_of = slots_of
        self._hosts: dict[str, _Host[T]] = {}
        self._ready: deque[str] = deque()
        self._later: list[tuple[float, int, str, T]] = []
        self._count = itertools.count()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, host: str, task: T, delay_s: float = 0) -> None:
        """Add a task of `host`, to be taken after `delay_s` seconds at the earliest."""
        with self._changed:
            if delay_s > 0:
                heapq.heappush(self._later, (time.monotonic() + delay_s, next(self._count), host, task))
            else:
                self._add(host, task)
            self._changed.notify()

    def take(self) -> tuple[str, T] | None:
        """Return the next task and its host, waiting for one; None once closed. `done(host)` must follow."""
        with self._changed:
            while True:
                now = time.monotonic()
                while self._later and self._later[0][0] <= now:
                    _, _, host, task = heapq.heappop(self._later)
                    self._add(host, task)
                if self._closed:
                    return None
                if self._ready:
                    return self._next()
                self._changed.wait(self._later[0][0] - now if self._later else None)

    def done(self, host: str) -> None:
        """Give back the slot of a task that was taken."""
        with self._changed:
            state = self._hosts[host]
            state.free += 1
            if state.waiting:
                self._mark_ready(host, state)
                self._changed.notify()
            elif state.free == self._slots_of(host):
                del self._hosts[host]

    def close(self) -> None:
        """Let every `take` return None."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _add(self, host: str, task: T) -> None:
        state = self._hosts.get(host)
        if state is None:
            state = self._hosts[host] = _Host(free=self._slots_of(host))
        state.waiting.append(task)
        self._mark_ready(host, state)

    def _mark_ready(self, host: str, state: _Host[T]) -> None:
        if state.free > 0 and not state.ready:
            state.ready = True
            self._ready.append(host)

    def _next(self) -> tuple[str, T]:
        host = self._ready.popleft()
        state = self._hosts[host]
        state.ready = False
        task = state.waiting.popleft()
        state.free -= 1
        if state.waiting and state.free > 0:  # back of the line: hosts take turns
            state.ready = True
            self._ready.append(host)
        if self._ready:
            self._changed.notify()
        return host, task
