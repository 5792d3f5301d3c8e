"""Keeps off the terminal what the C++ of libraries writes there before any log level reaches it."""

import contextlib
import os
import sys
import threading
from collections.abc import Iterator

STDERR = 2
"""Standard error's file descriptor, which all threads share."""


class _Mute:
    """Standard error, muted while any thread wants it so: the first keeps the original, the last puts it back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._original: int | None = None

    def begin(self) -> None:
        with self._lock:
            self._count += 1
            if self._count == 1:
                if sys.stderr is not None:
                    sys.stderr.flush()
                with contextlib.suppress(OSError):  # there may be no standard error
                    self._original = os.dup(STDERR)
                    with open(os.devnull, "wb") as devnull:
                        os.dup2(devnull.fileno(), STDERR)

    def end(self) -> None:
        with self._lock:
            self._count -= 1
            if self._count == 0 and self._original is not None:
                os.dup2(self._original, STDERR)
                os.close(self._original)
                self._original = None


_mute = _Mute()


@contextlib.contextmanager
def muted_stderr() -> Iterator[None]:
    """Discard whatever this process writes to standard error's file descriptor; exceptions pass. Safe in threads."""
    _mute.begin()
    try:
        yield
    finally:
        _mute.end()
