"""Deadlines that hold whatever a server does: when one passes, its connection is shut down."""

import heapq
import itertools
import threading
import time
from typing import Protocol

MIN_LEFT_S = 0.01
IDLE_S = 5.0
"""Seconds without a request after which nobody watches: a process may make a client for each of many runs."""


class Closable(Protocol):
    """What a deadline can end."""

    def shut_down(self) -> None:
        """Wake whoever waits on it; safe from another thread."""


class Alarm:
    """One request's deadline, and the connection that it ends."""

    __slots__ = ("at", "connection", "done", "fired")

    def __init__(self, at: float):
        self.at = at
        """When it fires, on the monotonic clock."""
        self.connection: Closable | None = None
        """The connection to shut down, once there is one."""
        self.fired = False
        """Whether the deadline has passed."""
        self.done = False
        """Whether the request has ended before it."""

    @property
    def left_s(self) -> float:
        """The seconds until it fires, and never quite none."""
        return max(MIN_LEFT_S, self.at - time.monotonic())

    def attach(self, connection: Closable) -> None:
        """Put the request's connection under it; that is shut down at once where the alarm has fired already."""
        self.connection = connection
        if self.fired:
            connection.shut_down()


class Watch:
    """Ends requests whose deadline has passed, from one thread: shutting a socket down wakes whoever waits on it."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Alarm]] = []
        self._count = itertools.count()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def arm(self, seconds: float) -> Alarm:
        """Return an alarm for a request that begins now."""
        alarm = Alarm(time.monotonic() + seconds)
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
                self._thread.start()
            heapq.heappush(self._heap, (alarm.at, next(self._count), alarm))
            if self._heap[0][2] is alarm:
                self._changed.notify()
        return alarm

    def disarm(self, alarm: Alarm) -> None:
        """Forget an alarm: its request has ended."""
        alarm.done = True
        alarm.connection = None

    def _run(self) -> None:
        while True:
            with self._changed:
                while self._heap and self._heap[0][2].done:
                    heapq.heappop(self._heap)
                if not self._heap:
                    if not self._changed.wait(IDLE_S) and not self._heap:
                        self._thread = None  # the next request starts another
                        return
                    continue
                left_s = self._heap[0][0] - time.monotonic()
                if left_s > 0:
                    self._changed.wait(min(left_s, IDLE_S))  # its request may have ended long before
                    continue
                alarm = heapq.heappop(self._heap)[2]
            alarm.fired = True
            connection = alarm.connection
            if connection is not None:
                connection.shut_down()
