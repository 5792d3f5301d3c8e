"""Which request goes out next: never too many at a time to one host, none before its time, no host hurried."""

import heapq
import itertools
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class _Host(Generic[T]):
    waiting: tuple[deque[T], deque[T]] = field(default_factory=lambda: (deque(), deque()))
    """Its items, and those that go last."""
    free: int = 1
    """How many more of its items may be taken now."""
    held_until: float = 0.0
    takes_last_item: bool = False
    """Whether the last item in line is the next one, as it is by turns while the host is slowed down."""


class HostQueue(Generic[T]):
    """Items by host, shared by threads. A slow or limited host never holds up another's items; hosts take turns.

    Items that go last are taken only where no host has another one that may be taken now.
    `max_taken(host)` says how many of a host's items may be under way at once, `pace_s` how many seconds must lie
    between two of its items. `clock` returns seconds; with another one than the default use `poll`, as `take` waits in
    real time.
    """

    def __init__(self, max_taken: Callable[[str], int], pace_s: float = 0, clock: Callable[[], float] = time.monotonic):
        self._max_taken, self._pace_s, self._clock = max_taken, pace_s, clock
        self._pace_of: dict[str, float] = {}
        self._slowed: dict[str, float] = {}
        self._hosts: dict[str, _Host[T]] = {}
        self._ready: tuple[OrderedDict[str, None], ...] = (OrderedDict(), OrderedDict())
        """The line of hosts that have something to take, and the line of those that have something that goes last."""
        self._later: list[tuple[float, int, str, T | None, bool]] = []
        """A heap of items whose time has not come; None in place of an item wakes a host that was held."""
        self._numbers = itertools.count()
        self._changed = threading.Condition()

    def put(self, host: str, item: T, delay_s: float = 0, is_last: bool = False) -> None:
        """Add an item of a host, to be taken after `delay_s` seconds at the earliest."""
        with self._changed:
            if delay_s > 0:
                self._put_later(host, item, self._clock() + delay_s, is_last)
            else:
                self._add(host, item, is_last)
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
        """Let so many seconds lie between two items of this host for as long as it has trouble; 0 ends that.

        Until then what comes after a delay goes first, and the first item and the last one are taken by turns: where
        many of one kind fail, those of another are found.
        """
        with self._changed:
            if pace_s:
                self._slowed[host] = pace_s
                self._hold(host, self._host(host), pace_s)
            else:
                self._slowed.pop(host, None)

    def take(self) -> tuple[str, T]:
        """Return the next host and its item, waiting for one. `done(host)` must follow."""
        with self._changed:
            while (taken := self._poll()) is None:
                self._changed.wait(self._later[0][0] - self._clock() if self._later else None)
            return taken

    def poll(self) -> tuple[str, T] | None:
        """Return the next host and its item, or None where none may be taken now. `done(host)` must follow."""
        with self._changed:
            return self._poll()

    def done(self, host: str) -> None:
        """Note that an item that was taken is no longer under way."""
        with self._changed:
            state = self._hosts[host]
            state.free += 1
            if any(state.waiting):
                self._mark_ready(host, state)
                self._changed.notify()
            elif state.free == self._max_taken(host) and state.held_until <= self._clock():
                del self._hosts[host]

    def drain(self, host: str) -> list[T]:
        """Return all items of a host whose time has come, and forget them."""
        with self._changed:
            state = self._hosts.get(host)
            items = [item for waiting in state.waiting for item in waiting] if state is not None else []
            if state is not None:
                for waiting in state.waiting:
                    waiting.clear()
                self._leave_lines(host)
            return items

    def _poll(self) -> tuple[str, T] | None:
        now = self._clock()
        while self._later and self._later[0][0] <= now:
            _, _, host, item, is_last = heapq.heappop(self._later)
            if item is not None:
                self._add(host, item, is_last, is_first=host in self._slowed)
            elif host in self._hosts:
                self._mark_ready(host, self._hosts[host])
        return self._next() if any(self._ready) else None

    def _next(self) -> tuple[str, T]:
        line = 0 if self._ready[0] else 1
        host = next(iter(self._ready[line]))
        self._leave_lines(host)
        state = self._hosts[host]
        item = state.waiting[line].pop() if state.takes_last_item else state.waiting[line].popleft()
        state.takes_last_item = host in self._slowed and not state.takes_last_item
        state.free -= 1
        pace_s = max(self._pace_s, self._pace_of.get(host, 0), self._slowed.get(host, 0))
        if pace_s:
            self._hold(host, state, pace_s)
        self._mark_ready(host, state)  # at the end of the line: hosts take turns
        if any(self._ready):
            self._changed.notify()
        return host, item

    def _add(self, host: str, item: T, is_last: bool, is_first: bool = False) -> None:
        state = self._host(host)
        waiting = state.waiting[is_last]
        (waiting.appendleft if is_first else waiting.append)(item)
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
            self._leave_lines(host)
            self._put_later(host, None, until)

    def _put_later(self, host: str, item: T | None, at: float, is_last: bool = False) -> None:
        heapq.heappush(self._later, (at, next(self._numbers), host, item, is_last))

    def _leave_lines(self, host: str) -> None:
        for ready in self._ready:
            ready.pop(host, None)

    def _mark_ready(self, host: str, state: _Host[T]) -> None:
        if state.free > 0 and state.held_until <= self._clock():
            for ready, waiting in zip(self._ready, state.waiting, strict=True):
                if waiting:
                    ready.setdefault(host)
