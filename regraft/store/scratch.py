"""Folders of this machine for copies of what lies elsewhere. No process, however it ends, leaves one there for ever."""

import contextlib
import os
import shutil
import tempfile
import time
import weakref
from functools import cached_property
from pathlib import Path

from regraft.store.system_calls import SystemCalls

PREFIX = "regraft-scratch-"
"""How the names of these folders begin."""
KEPT_S = 24 * 3600
"""Seconds that a folder stays which nobody holds: a report is still open in a browser."""


class Scratch:
    """A folder that is made when its path is first wanted, and removed with this object or when the process ends.

    Where the process is killed, the next folder's maker removes it.
    """

    @cached_property
    def path(self) -> Path:
        """The folder."""
        path = lasting_folder()
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        _try_lock(descriptor)  # it is new, so nobody else has it
        self._end = weakref.finalize(self, _remove, path, descriptor)
        return path

    def copy_of(self, path: str) -> Path:
        """Return where a file's copy is to lie."""
        return self.path / path.replace("/", "_")

    def known_copy_of(self, path: str) -> Path | None:
        """Return where a file's copy lies; None where there is none yet."""
        is_made = "path" in vars(self)
        return copy if is_made and (copy := self.copy_of(path)).exists() else None

    def clear(self) -> None:
        """Remove all copies. Whoever has one open goes on reading it."""
        if "path" in vars(self):
            for copy in self.path.iterdir():
                copy.unlink()

    def close(self) -> None:
        """Remove the folder, if there is one."""
        if "path" in vars(self):
            self._end()


def lasting_folder() -> Path:
    """Return a new folder that outlives this process by KEPT_S; those that have done so are removed."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # somebody else's, or gone already
            _remove_if_left(path)
    return Path(tempfile.mkdtemp(prefix=PREFIX))


def _remove_if_left(path: Path) -> None:
    """Remove a folder of this user that is old and that nobody holds. Raises OSError."""
    status = path.lstat()
    if status.st_uid != os.getuid() or status.st_mtime > time.time() - KEPT_S:
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    if _try_lock(descriptor):
        _remove(path, descriptor)
    else:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    """Hold a folder, unless somebody else does; return whether it is held now. The system frees it with its holder."""
    try:
        SystemCalls().flock(descriptor)
    except OSError:
        return False
    return True


def _remove(path: Path, descriptor: int) -> None:
    shutil.rmtree(path, ignore_errors=True)
    os.close(descriptor)
