"""How many requests are under way: few while findings come in quickly, and more where they do not."""

import threading
import time
from collections.abc import Sequence

import pytest

from regraft.fetching.budget import Budget
from regraft.fetching.pending import LULL_S, Pending
from regraft.identity import Url
from regraft.links.findings import Finding, Request, skipped
from tests.processes import until

MAX_QUICK, MAX_SLOW = 3, 6
"""Requests under way at most, while findings come in quickly and in a lull."""


def finding(number: int) -> Finding:
    return skipped(Request(Url(f"http://site/{number}")), "")


def pending_of(count: int, kept: list[Sequence[Finding]] | None = None) -> Pending:
    keep = (lambda findings: None) if kept is None else kept.append
    return Pending(count, Budget(None, None), lambda finding: None, keep, 0 if kept is not None else 60)


def waiting_for_room(pending: Pending, handed_out: int, few: int, most: int) -> threading.Event:
    """Wait for room on a thread; return what is set once there is room."""
    has_room = threading.Event()

    def wait() -> None:
        pending.wait_for_room(handed_out, lambda: (few, most))
        has_room.set()

    threading.Thread(target=wait, daemon=True).start()
    return has_room


def test_where_few_are_under_way_there_is_room_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regraft.fetching.pending.LULL_S", 3600)
    assert waiting_for_room(pending_of(10), MAX_QUICK - 1, MAX_QUICK, MAX_SLOW).wait(30)


def test_there_is_room_as_soon_as_few_are_under_way() -> None:
    pending = pending_of(10)
    has_room = waiting_for_room(pending, MAX_QUICK + 1, MAX_QUICK, MAX_QUICK)
    pending.add(finding(0))
    assert not has_room.wait(LULL_S)
    pending.add(finding(1))
    assert has_room.wait(30)


def test_in_a_lull_there_is_room_until_most_are_under_way() -> None:
    began = time.monotonic()
    assert waiting_for_room(pending_of(10), MAX_SLOW - 1, MAX_QUICK, MAX_SLOW).wait(30)
    assert time.monotonic() - began >= LULL_S
    pending = pending_of(10)
    has_room = waiting_for_room(pending, MAX_SLOW, MAX_QUICK, MAX_SLOW)
    assert not has_room.wait(3 * LULL_S), "most are under way"
    pending.add(finding(0))
    assert has_room.wait(30)


def test_what_has_come_in_is_handed_on_while_there_is_no_room() -> None:
    kept = list[Sequence[Finding]]()
    pending = pending_of(10, kept)
    pending.add(finding(0))
    has_room = waiting_for_room(pending, MAX_SLOW + 1, MAX_QUICK, MAX_SLOW)
    until("what came in is handed on", lambda: kept == [[finding(0)]], 30)
    assert not has_room.is_set()
    pending.add(finding(1))
    assert has_room.wait(30)
