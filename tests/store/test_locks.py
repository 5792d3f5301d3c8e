"""One run at a time holds a store, and the next knows where one that was cut off began."""

from datetime import UTC, datetime, timedelta

import pytest

from regraft.errors import LockedError, StoreError
from regraft.store.locks import MARKER
from regraft.store.store import Store

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


def test_a_second_run_is_refused_while_one_is_under_way(store: Store) -> None:
    with store.run(), pytest.raises(LockedError, match="under way"), Store(store.url).run():
        pass
    with store.run():
        pass


def test_upkeep_is_refused_while_a_run_is_under_way(store: Store) -> None:
    with store.run(), pytest.raises(LockedError, match="under way"), Store(store.url).held():
        pass


def test_a_run_that_was_cut_off_is_taken_up_by_the_next(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.run("a", NOW) as first:
        raise ZeroDivisionError
    assert (first.since, first.cut_off) == (NOW, "")
    with store.run("b", LATER) as second:
        assert (second.since, second.cut_off) == (NOW, "a")
    with store.run("c", LATER) as third:
        assert (third.since, third.cut_off) == (LATER, "")


@pytest.mark.parametrize("marker", [b"", b"{", b"[]", b"{}", b'{"since": "yesterday"}'])
def test_a_marker_that_cannot_be_read_is_none(store: Store, marker: bytes) -> None:
    store.disk.write(MARKER, marker)
    with store.run("a", NOW) as start:
        assert (start.since, start.cut_off) == (NOW, "")


def test_a_store_that_cannot_be_written_says_so() -> None:
    with pytest.raises(StoreError, match="cannot be written"), Store("/proc/nowhere").run():
        pass
