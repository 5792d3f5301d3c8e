"""Which link is asked next: at most so many at a time from one host, none before its time, no host hurried."""

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
    held_until: float = 0.0


class Schedule(Generic[T]):
    """A queue of tasks by host, shared by threads. A slow or limited host never holds up another's links.

    `slots_of(host)` tells how many of a host's tasks may be under way at once, `pace_s` how many seconds must lie
    between two of its tasks.
    """

    def __init__(self, slots_of: Callable[[str], int], pace_s: float = 0):
        self._slots_of, self._pace_s = slots_of, pace_s
        self._slower: dict[str, float] = {}
        self._hosts: dict[str, _Host[T]] = {}
        self._ready: deque[str] = deque()
        self._later: list[tuple[float, int, str, T | None]] = []
        """Tasks whose time has not come; None wakes a host that was held."""
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

    def hold(self, host: str, seconds: float) -> None:
        """Let no task of a host begin for so long."""
        with self._changed:
            self._hold(host, self._host(host), seconds)
            self._changed.notify()

    def pace(self, host: str, seconds: float) -> None:
        """Let at least so many seconds lie between two tasks of one host."""
        with self._changed:
            self._slower[host] = seconds

    def take(self) -> tuple[str, T] | None:
        """Return the next task and its host, waiting for one; None once closed. `done(host)` must follow."""
        with self._changed:
            while True:
                now = time.monotonic()
                while self._later and self._later[0][0] <= now:
                    _, _, host, task = heapq.heappop(self._later)
                    if task is not None:
                        self._add(host, task)
                    elif host in self._hosts:
                        self._mark_ready(host, self._hosts[host])
                if self._closed:
                    return None
                if self._ready:
                    return self._next(now)
                self._changed.wait(self._later[0][0] - now if self._later else None)

    def done(self, host: str) -> None:
        """Give back the slot of a task that was taken."""
        with self._changed:
            state = self._hosts[host]
            state.free += 1
            if state.waiting:
                self._mark_ready(host, state)
                self._changed.notify()
            elif state.free == self._slots_of(host) and state.held_until <= time.monotonic():
                del self._hosts[host]

    def close(self) -> None:
        """Let every `take` return None."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _add(self, host: str, task: T) -> None:
        state = self._host(host)
        state.waiting.append(task)
        self._mark_ready(host, state)

    def _host(self, host: str) -> _Host[T]:
        state = self._hosts.get(host)
        if state is None:
            state = self._hosts[host] = _Host(free=self._slots_of(host))
        return state

    def _hold(self, host: str, state: _Host[T], seconds: float) -> None:
        until = time.monotonic() + seconds
        if until > state.held_until:
            state.held_until = until
            heapq.heappush(self._later, (until, next(self._count), host, None))

    def _mark_ready(self, host: str, state: _Host[T]) -> None:
        if state.waiting and state.free > 0 and not state.ready and state.held_until <= time.monotonic():
            state.ready = True
            self._ready.append(host)

    def _next(self, now: float) -> tuple[str, T]:
        host = self._ready.popleft()
        state = self._hosts[host]
        state.ready = False
        task = state.waiting.popleft()
        state.free -= 1
        pace_s = max(self._pace_s, self._slower.get(host, 0))
        if pace_s:
            self._hold(host, state, pace_s)
        self._mark_ready(host, state)  # back of the line: hosts take turns
        if self._ready:
            self._changed.notify()
        return host, task
