"""Deadlines that hold whatever a server does: when one passes, its connection is shut down."""

import heapq
import itertools
import threading
import time
from typing import Any


class Alarm:
    """One request's deadline, and the connection that it ends."""

    __slots__ = ("at", "connection", "done", "fired")

    def __init__(self, at: float):
        self.at = at
        """When it fires, on the monotonic clock."""
        self.connection: Any = None
        """The connection to shut down, once there is one."""
        self.fired = False
        """Whether the deadline has passed."""
        self.done = False
        """Whether the request has ended before it."""


class Watch:
    """Ends requests whose deadline has passed, from one thread: shutting a socket down wakes whoever waits on it."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Alarm]] = []
        self._count = itertools.count()
        self._changed = threading.Condition()
        self._local = threading.local()
        self._thread: threading.Thread | None = None

    def arm(self, seconds: float) -> Alarm:
        """Return an alarm for this thread's next request."""
        alarm = Alarm(time.monotonic() + seconds)
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
                self._thread.start()
            heapq.heappush(self._heap, (alarm.at, next(self._count), alarm))
            if self._heap[0][2] is alarm:
                self._changed.notify()
        self._local.alarm = alarm
        return alarm

    def attach(self, connection: Any) -> None:
        """Put a connection under this thread's alarm; it is shut down at once where the alarm has fired already."""
        alarm = getattr(self._local, "alarm", None)
        if alarm is not None:
            alarm.connection = connection
            if alarm.fired:
                connection.shut_down()

    def disarm(self, alarm: Alarm) -> None:
        """Forget an alarm: its request has ended."""
        alarm.done = True
        alarm.connection = None
        self._local.alarm = None

    def _run(self) -> None:
        while True:
            with self._changed:
                while self._heap and self._heap[0][2].done:
                    heapq.heappop(self._heap)
                now = time.monotonic()
                if not self._heap or self._heap[0][0] > now:
                    self._changed.wait(self._heap[0][0] - now if self._heap else None)
                    continue
                alarm = heapq.heappop(self._heap)[2]
            alarm.fired = True
            connection = alarm.connection
            if connection is not None:
                connection.shut_down()
