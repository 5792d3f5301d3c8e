"""Which request goes out next: never too many at a time to one host, none before its time, no host hurried."""

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
    """How many more of its items may be taken now."""
    is_ready: bool = False
    """Whether it stands in the line of hosts that have something to take."""
    held_until: float = 0.0


class HostQueue(Generic[T]):
    """Items by host, shared by threads. A slow or limited host never holds up another's items; hosts take turns.

    `max_taken(host)` says how many of a host's items may be under way at once, `pace_s` how many seconds must lie
    between two of its items. `clock` returns seconds; with another one than the default use `poll`, as `take` waits in
    real time.
    """

    def __init__(self, max_taken: Callable[[str], int], pace_s: float = 0, clock: Callable[[], float] = time.monotonic):
        self._max_taken, self._pace_s, self._clock = max_taken, pace_s, clock
        self._pace_of: dict[str, float] = {}
        self._slowed: dict[str, float] = {}
        self._hosts: dict[str, _Host[T]] = {}
        self._ready: deque[str] = deque()
        self._later: list[tuple[float, int, str, T | None]] = []
        """A heap of items whose time has not come; None in place of an item wakes a host that was held."""
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._is_closed = False

    def put(self, host: str, item: T, delay_s: float = 0) -> None:
        """Add an item of a host, to be taken after `delay_s` seconds at the earliest."""
        with self._changed:
            if delay_s > 0:
                self._put_later(host, item, self._clock() + delay_s)
            else:
                self._add(host, item)
            self._changed.notify()

    def hold(self, host: str, seconds: float) -> None:
        """Let no item of a host be taken for so long."""
        with self._changed:
            self._hold(host, self._host(host), seconds)
            self._changed.notify()

    def set_pace(self, host: str, pace_s: float) -> None:
        """Let at least so many seconds lie between two items of this host."""
        with self._changed:
            self._pace_of[host] = pace_s

    def slow_down(self, host: str, pace_s: float) -> None:
        """Let so many seconds lie between two items of this host for as long as it has trouble; 0 ends that."""
        with self._changed:
            if pace_s:
                self._slowed[host] = pace_s
                self._hold(host, self._host(host), pace_s)
            else:
                self._slowed.pop(host, None)

    def take(self) -> tuple[str, T] | None:
        """Return the next host and its item, waiting for one; None once closed. `done(host)` must follow."""
        with self._changed:
            while not self._is_closed:
                taken = self._poll()
                if taken is not None:
                    return taken
                self._changed.wait(self._later[0][0] - self._clock() if self._later else None)
            return None

    def poll(self) -> tuple[str, T] | None:
        """Return the next host and its item, or None where none may be taken now. `done(host)` must follow."""
        with self._changed:
            return None if self._is_closed else self._poll()

    def done(self, host: str) -> None:
        """Note that an item that was taken is no longer under way."""
        with self._changed:
            state = self._hosts[host]
            state.free += 1
            if state.waiting:
                self._mark_ready(host, state)
                self._changed.notify()
            elif state.free == self._max_taken(host) and state.held_until <= self._clock():
                del self._hosts[host]

    def drain(self, host: str) -> list[T]:
        """Return all items of a host whose time has come, and forget them."""
        with self._changed:
            state = self._hosts.get(host)
            items = list(state.waiting) if state is not None else []
            if state is not None:
                state.waiting.clear()
                self._leave_line(host, state)
            return items

    def close(self) -> None:
        """Let every `take` return None."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _poll(self) -> tuple[str, T] | None:
        now = self._clock()
        while self._later and self._later[0][0] <= now:
            _, _, host, item = heapq.heappop(self._later)
            if item is not None:
                self._add(host, item)
            elif host in self._hosts:
                self._mark_ready(host, self._hosts[host])
        return self._next() if self._ready else None

    def _next(self) -> tuple[str, T]:
        host = self._ready.popleft()
        state = self._hosts[host]
        state.is_ready = False
        item = state.waiting.popleft()
        state.free -= 1
        pace_s = max(self._pace_s, self._pace_of.get(host, 0), self._slowed.get(host, 0))
        if pace_s:
            self._hold(host, state, pace_s)
        self._mark_ready(host, state)  # at the end of the line: hosts take turns
        if self._ready:
            self._changed.notify()
        return host, item

    def _add(self, host: str, item: T) -> None:
        state = self._host(host)
        state.waiting.append(item)
        self._mark_ready(host, state)

    def _host(self, host: str) -> _Host[T]:
        state = self._hosts.get(host)
        if state is None:
            state = self._hosts[host] = _Host(free=self._max_taken(host))
        return state

    def _hold(self, host: str, state: _Host[T], seconds: float) -> None:
        until = self._clock() + seconds
        if until > state.held_until:
            state.held_until = until
            self._leave_line(host, state)
            self._put_later(host, None, until)

    def _put_later(self, host: str, item: T | None, at: float) -> None:
        heapq.heappush(self._later, (at, next(self._numbers), host, item))

    def _leave_line(self, host: str, state: _Host[T]) -> None:
        if state.is_ready:
            state.is_ready = False
            self._ready.remove(host)

    def _mark_ready(self, host: str, state: _Host[T]) -> None:
        if state.waiting and state.free > 0 and not state.is_ready and state.held_until <= self._clock():
            state.is_ready = True
            self._ready.append(host)
