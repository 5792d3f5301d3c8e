"""A lock where the file system has none: a file with its holder's name, which counts while the holder renews it.

How long ago that was is asked of the store, which has one clock; those of two machines may be hours apart.
"""

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
from typing import NamedTuple, Protocol

from regraft.errors import LockedError

RETRY_S = 0.2
"""Between two tries to take a lock that is held."""
RENEWALS = 4
"""Renewals in the time of one lease: a few may fail before the lock is lost."""
log = logging.getLogger("regraft")
_held: "set[Lease]" = set()
"""The leases that this process holds."""


class Tagged(NamedTuple):
    """A file as it was read."""

    data: bytes
    """Its bytes."""
    tag: str
    """Names what it holds, so that a change is noticed."""
    age_s: float | None
    """Seconds since it was written, by the clock of the store; None where the store does not say."""


class Files(Protocol):
    """What a lease needs of a disk, see `disk.Disk`."""

    address: str
    """Where the disk lies."""

    def create_tagged(self, path: str, data: bytes) -> str | None:
        """Put a file in place if there is none, and return its tag; None where there is one."""
        ...

    def read(self, path: str) -> bytes:
        """Return a file's bytes. Raises FileNotFoundError."""
        ...

    def read_tagged(self, path: str) -> Tagged:
        """Return a file with its tag and age. Raises FileNotFoundError."""
        ...

    def swap(self, path: str, data: bytes, tag: str) -> str | None:
        """Replace a file if it still has that tag, and return its new tag; None where it has another or is gone."""
        ...

    def delete(self, path: str) -> None:
        """Remove a file, if it is there."""
        ...


@contextlib.contextmanager
def leased(
    files: Files, name: str, wait_s: float, lease: timedelta, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Iterator[None]:
    """Hold the file of that name. Raises TimeoutError where another holder keeps it for longer than `wait_s`.

    The file counts for a `lease`, and is renewed while the context lasts. Nobody can tell from afar whether a holder
    still lives, so a file that was not renewed for so long is taken over, and so is one that names no holder. Only
    where the store does not tell a file's age must the clocks of all machines agree, to within half a lease.
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


def check_not_lost(address: str) -> None:
    """Raise LockedError where this process holds a lock of the store there that another has taken over meanwhile."""
    if any(lease.is_lost and lease.address == address for lease in tuple(_held)):
        raise LockedError(
            f"Another run has taken over the store {address}, because this one did not renew its lock in time: the "
            "network was down, or the machine slept. It stops here; what it had kept by then is kept."
        )


def release_all() -> None:
    """Release the leases that this process holds: for a program that is ended before its contexts are left."""
    for lease in tuple(_held):
        lease.release()


class Lease:
    """One holder's side of a lock. Only what it wrote itself is ever renewed or removed by it."""

    def __init__(self, files: Files, name: str, lease: timedelta, clock: Callable[[], datetime]):
        self._files, self._name, self._lease, self._clock = files, name, lease, clock
        self.address = files.address
        """Where the store lies."""
        self.is_lost = False
        """Whether another has taken it over."""
        self._owner = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._is_released = False
        self._tag: str | None = None
        """Of the file, as this holder wrote it last; None where it is another's."""

    def take(self) -> bool:
        """Put the file in place, or replace one that no longer counts; return whether it is this holder's now.

        A bucket's answer may be lost. The request is repeated then, and refused, because it was done the first time.
        """
        self._tag = self._files.create_tagged(self._name, self._content())
        if self._tag is not None:
            return True
        try:
            held = self._files.read_tagged(self._name)
        except FileNotFoundError:  # freed in this very moment
            self._tag = self._files.create_tagged(self._name, self._content())
            return self._tag is not None
        if self._counts(held):
            self._tag = self._own_tag(held)
            return self._tag is not None
        return self._swap(held.tag)

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
            is_ours = self._tag is not None and self._swap(self._tag)
            self.is_lost = not is_ours and not self._is_released
            return is_ours

    def _swap(self, tag: str) -> bool:
        """Replace the file if it has that tag; return whether it is this holder's now."""
        written = self._files.swap(self._name, self._content(), tag)
        if written is None:
            with contextlib.suppress(FileNotFoundError):
                written = self._own_tag(self._files.read_tagged(self._name))
        self._tag = written
        return written is not None

    def _own_tag(self, held: Tagged) -> str | None:
        """The tag of the file, if it is this holder's."""
        return held.tag if _owner_of(held.data) == self._owner else None

    def _keep(self, is_over: threading.Event) -> None:
        while not is_over.wait(self._lease.total_seconds() / RENEWALS):
            try:
                self.renew()
                if self.is_lost:
                    log.error("The lock %s was taken over by another: this run was silent for too long.", self._name)
                    return
            except Exception as error:  # the network may be down for a while; the next renewal may work
                log.warning("The lock %s could not be renewed: %s", self._name, error)

    def _content(self) -> bytes:
        until = (self._clock() + self._lease).isoformat()
        holder = {"owner": self._owner, "until": until, "host": socket.gethostname(), "pid": os.getpid()}
        return json.dumps(holder).encode()

    def _counts(self, held: Tagged) -> bool:
        """Whether somebody holds a lock with this file now."""
        if held.age_s is not None:
            return bool(_owner_of(held.data)) and held.age_s < self._lease.total_seconds()
        try:
            return datetime.fromisoformat(json.loads(held.data)["until"]) > self._clock()
        except (ValueError, KeyError, TypeError, RecursionError):  # TypeError: also a time without a zone
            return False


def _owner_of(content: bytes) -> str:
    try:
        return str(json.loads(content)["owner"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
