"""A lock where the file system has none: a file that is created by one holder only, and says until when it counts."""

import contextlib
import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Protocol

RETRY_S = 0.2
"""Between two tries to take a lock that is held."""


class Files(Protocol):
    """What a lease needs of a disk, see `disk.Disk`."""

    def read(self, path: str) -> bytes:
        """Return a file's bytes. Raises FileNotFoundError."""
        ...

    def create(self, path: str, data: bytes) -> bool:
        """Put a file in place if there is none; return whether it was put."""
        ...

    def delete(self, path: str) -> None:
        """Remove a file, if it is there."""
        ...


@contextlib.contextmanager
def leased(files: Files, name: str, wait_s: float, lease: timedelta) -> Iterator[None]:
    """Hold the file of that name for a `lease`. Raises TimeoutError where another keeps it for longer than `wait_s`.

    Nobody can tell from afar whether a holder still lives, so a file whose lease has passed is taken over, and so is
    one that does not say until when it counts.
    """
    give_up_at = time.monotonic() + wait_s
    while not _take(files, name, lease):
        if time.monotonic() >= give_up_at:
            raise TimeoutError(f"{name} is held by another")
        time.sleep(RETRY_S)
    try:
        yield
    finally:
        files.delete(name)


def _take(files: Files, name: str, lease: timedelta) -> bool:
    """Create the file, over one that does not count any more; return whether it was created."""
    now = datetime.now(UTC)
    content = json.dumps({"pid": os.getpid(), "until": (now + lease).isoformat()}).encode()
    if files.create(name, content):
        return True
    with contextlib.suppress(FileNotFoundError, ValueError, KeyError, TypeError):
        if datetime.fromisoformat(json.loads(files.read(name))["until"]) > now:
            return False
    files.delete(name)
    return files.create(name, content)
