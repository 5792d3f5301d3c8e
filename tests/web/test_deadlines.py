"""One thread watches over all deadlines of a client, and only while there are some."""

import threading
from functools import partial

import pytest

from regraft.web import deadlines
from tests.processes import until


def watchers() -> int:
    return sum(thread.name == "watch" for thread in threading.enumerate())


def test_nobody_watches_once_requests_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that refreshes a store every night has had many clients."""
    monkeypatch.setattr(deadlines, "IDLE_S", 0.01)
    before = watchers()
    for _ in range(3):
        watch = deadlines.Watch()
        watch.disarm(watch.arm(0.01))
        alarm = watch.arm(0.01)
        until("the deadline has passed", partial(getattr, alarm, "fired"), 60)
    until("nobody watches", lambda: watchers() <= before, 60)
    again = watch.arm(0.01)
    until("the next request is watched over", lambda: again.fired, 60)


def test_nobody_waits_for_a_deadline_of_a_request_that_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "IDLE_S", 0.01)
    before = watchers()
    watch = deadlines.Watch()
    watch.disarm(watch.arm(3600))
    until("nobody watches", lambda: watchers() <= before, 60)
