"""A lock where the file system has none: a file with its holder's name, which counts while the holder renews it."""

import contextlib
import json
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Protocol

RETRY_S = 0.2
"""Between two tries to take a lock that is held."""
RENEWALS = 4
"""Renewals in the time of one lease: a few may fail before the lock is lost."""
log = logging.getLogger("regraft")
_held: "set[Lease]" = set()
"""The leases that this process holds."""


class Files(Protocol):
    """What a lease needs of a disk, see `disk.Disk`. A tag names what a file holds, so that a change is noticed."""

    def create(self, path: str, data: bytes) -> bool:
        """Put a file in place if there is none; return whether it was put."""
        ...

    def read(self, path: str) -> bytes:
        """Return a file's bytes. Raises FileNotFoundError."""
        ...

    def read_tagged(self, path: str) -> tuple[bytes, str]:
        """Return a file's bytes and their tag. Raises FileNotFoundError."""
        ...

    def swap(self, path: str, data: bytes, tag: str) -> bool:
        """Replace a file if it still has that tag; return whether it was replaced."""
        ...

    def delete(self, path: str) -> None:
        """Remove a file, if it is there."""
        ...


@contextlib.contextmanager
def leased(
    files: Files, name: str, wait_s: float, lease: timedelta, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Iterator[None]:
    """Hold the file of that name. Raises TimeoutError where another holder keeps it for longer than `wait_s`.

    The file says until when it counts, a `lease` from now, and is renewed while the context lasts. Nobody can tell from
    afar whether a holder still lives, so a file whose time has passed is taken over, and so is one that says no time.
    The clocks of all machines must agree to within half a lease.
    """
    held = Lease(files, name, lease, clock)
    give_up_at = time.monotonic() + wait_s
    while not held.take():
        if time.monotonic() >= give_up_at:
            raise TimeoutError(f"{name} is held by another")
        time.sleep(RETRY_S)
    _held.add(held)
    try:
        with held.renewed():
            yield
    finally:
        held.release()


def release_all() -> None:
    """Release the leases that this process holds: for a program that is ended before its contexts are left."""
    for lease in tuple(_held):
        lease.release()


class Lease:
    """One holder's side of a lock. Only what it wrote itself is ever renewed or removed by it."""

    def __init__(self, files: Files, name: str, lease: timedelta, clock: Callable[[], datetime]):
        self._files, self._name, self._lease, self._clock = files, name, lease, clock
        self._owner = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._is_released = False

    def take(self) -> bool:
        """Put the file in place, or replace one that no longer counts; return whether it is this holder's now.

        A bucket's answer may be lost. The request is repeated then, and refused, because it was done the first time.
        """
        if self._files.create(self._name, self._content()):
            return True
        try:
            content, tag = self._files.read_tagged(self._name)
        except FileNotFoundError:  # freed in this very moment
            return self._files.create(self._name, self._content())
        if _counts(content, self._clock()):
            return _owner_of(content) == self._owner
        return self._files.swap(self._name, self._content(), tag) or self._is_held()

    @contextlib.contextmanager
    def renewed(self) -> Iterator[None]:
        """Renew the file while the context lasts."""
        is_over = threading.Event()
        thread = threading.Thread(target=self._keep, args=(is_over,), name=f"lease {self._name}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()

    def release(self) -> None:
        """Remove the file, if it is still this holder's; where that fails, it counts until its time has passed."""
        with self._lock:
            self._is_released = True
            _held.discard(self)
            try:
                if _owner_of(self._files.read(self._name)) == self._owner:
                    self._files.delete(self._name)
            except FileNotFoundError:
                pass
            except Exception as error:  # what went wrong with the network is no reason to hide how the run ended
                log.warning("The lock %s could not be freed, and counts a little longer: %s", self._name, error)

    def renew(self) -> bool:
        """Let the file count from now on; return whether it is still this holder's."""
        with self._lock:
            with contextlib.suppress(FileNotFoundError):
                content, tag = self._files.read_tagged(self._name)
                if _owner_of(content) != self._owner:
                    return False
                return self._files.swap(self._name, self._content(), tag) or self._is_held()
            return False

    def _is_held(self) -> bool:
        """Whether the file is this holder's. Raises FileNotFoundError where there is none."""
        return _owner_of(self._files.read(self._name)) == self._owner

    def _keep(self, is_over: threading.Event) -> None:
        while not is_over.wait(self._lease.total_seconds() / RENEWALS):
            try:
                if not self.renew() and not self._is_released:
                    log.error("The lock %s was taken over by another: this run was silent for too long.", self._name)
                    return
            except Exception as error:  # the network may be down for a while; the next renewal may work
                log.warning("The lock %s could not be renewed: %s", self._name, error)

    def _content(self) -> bytes:
        until = (self._clock() + self._lease).isoformat()
        holder = {"owner": self._owner, "until": until, "host": socket.gethostname(), "pid": os.getpid()}
        return json.dumps(holder).encode()


def _counts(content: bytes, now: datetime) -> bool:
    """Whether a lock's file says that somebody holds it now."""
    try:
        return datetime.fromisoformat(json.loads(content)["until"]) > now
    except (ValueError, KeyError, TypeError, RecursionError):  # TypeError: also a time without a zone
        return False


def _owner_of(content: bytes) -> str:
    try:
        return str(json.loads(content)["owner"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
