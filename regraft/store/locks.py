"""The lock that one run holds, and the marker by which the next run knows that it was cut off."""

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from regraft.errors import LockedError, StoreError
from regraft.store.disk import Disk

LOCK = "lock"
MARKER = "run.json"
"""There while a run is under way; where the lock is free all the same, that run was cut off."""
MARKER_LASTS = timedelta(days=2)
"""How long the checks of a run that was cut off count as the next one's: older ones are repeated."""
CHAMPION_LOCK = "champion.lock"
CHAMPION_WAIT_S = 30
CHAMPION_LEASE = timedelta(minutes=1)
"""Far longer than it takes to move the pointer."""
RUN_LEASE = timedelta(minutes=2)
"""A remote store cannot tell whether the run that locked it still lives. One that has not renewed its lock for so long
is dead, and its lock is taken over."""


@dataclass(frozen=True)
class RunStart:
    """How a run begins: afresh, or where one that was cut off left."""

    now: datetime
    """When it begins."""
    since: datetime
    """Checks of links since then count as this run's: now, or the start of a run that was cut off, so that the links
    that it had checked are not fetched again."""
    cut_off: str = ""
    """The name of the run that was cut off; empty where none was."""


@contextlib.contextmanager
def run_marked(disk: Disk, name: str, now: datetime) -> Iterator[RunStart]:
    """Mark a run of that name as under way until it ends without an exception. The lock must be held."""
    start = _cut_off(disk, now) or RunStart(now, now)
    marker = {"since": start.since.isoformat(), "name": name, "pid": os.getpid(), "at": now.timestamp()}
    disk.write(MARKER, json.dumps(marker).encode())
    yield start
    disk.delete(MARKER)


@contextlib.contextmanager
def run_locked(disk: Disk) -> Iterator[None]:
    """Hold the lock that every run holds. Raises LockedError while another has it."""
    with contextlib.ExitStack() as lock:
        try:
            lock.enter_context(disk.lock(LOCK, 0, RUN_LEASE))
        except TimeoutError:
            raise LockedError(
                f"Another run is under way in the store {disk.address}; nothing was changed. "
                "Wait for it to end, or give this run another store."
            ) from None
        yield


@contextlib.contextmanager
def champion_locked(disk: Disk) -> Iterator[None]:
    """Hold the lock under which the champion moves and versions go. Raises StoreError while another has it."""
    with contextlib.ExitStack() as lock:
        try:
            lock.enter_context(disk.lock(CHAMPION_LOCK, CHAMPION_WAIT_S, CHAMPION_LEASE))
        except TimeoutError:
            raise StoreError(
                f"The champion of {disk.address} was left alone: somebody else has been about to change it for "
                f"{CHAMPION_WAIT_S} s ({CHAMPION_LOCK} is held). Try again."
            ) from None
        yield


def sweep(disk: Disk, beside: Sequence[str]) -> None:
    """Remove what was written aside and never put in place, see `Disk.sweep`. The store must be held.

    Left for the next time while somebody else moves the champion, who writes aside too.
    """
    with contextlib.suppress(TimeoutError):
        disk.sweep(beside, CHAMPION_LOCK)


def _cut_off(disk: Disk, now: datetime) -> RunStart | None:
    """Where a run that began here and never ended has left; None where every run ended."""
    try:
        marker = json.loads(disk.read(MARKER))
        since = min(datetime.fromisoformat(marker["since"]), now)  # a clock that was ahead may have written it
        return RunStart(now, max(since, now - MARKER_LASTS), str(marker.get("name", "")))
    except (FileNotFoundError, ValueError, KeyError, TypeError, RecursionError):
        return None
