"""A folder of this machine as a store's disk.

Every change is write aside, fsync, rename, fsync the folder: rename(2) replaces a file in one step, and only what was
synced survives a crash of the machine. A folder goes by being renamed aside, so that nobody ever sees half of one.
"""

import contextlib
import errno
import itertools
import os
import re
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from regraft.errors import StoreError
from regraft.store.scratch import Scratch
from regraft.store.system_calls import FILE_MODE, SystemCalls

ASIDE = "tmp"
"""The folder in which files are written before they are renamed to their place."""
UNSETTLED = re.compile(r".+\.[0-9a-f]{12}-\d+")
"""The names by which `write_once` writes aside."""
LOCK_POLL_S = 0.05
"""Between two tries to take a lock that is held."""
ADVICE = {
    errno.ENOSPC: "Make room, for example with `regraft prune --yes`, and run again.",
    errno.EDQUOT: "Make room, for example with `regraft prune --yes`, and run again.",
    errno.EMFILE: "Allow more open files (`ulimit -n`), and run again.",
    errno.ENFILE: "Close other programs, and run again.",
    errno.EACCES: "Give your user the right to, or choose another place.",
    errno.EPERM: "Give your user the right to, or choose another place.",
    errno.EROFS: "Mount it writable, or choose another place.",
    errno.ENOLCK: "Put the store on a file system that has locks.",
    errno.EOPNOTSUPP: "Put the store on a file system that has locks.",
    errno.ENOSYS: "Put the store on a file system that has locks.",
}
"""What helps, by the system's error number."""
NO_FILE = (errno.EISDIR, errno.ELOOP)
"""What the system answers where something else lies in a file's place: a folder, or a link that leads nowhere."""
NOTHING_THERE = (errno.ENOENT, errno.ENOTDIR, *NO_FILE)
"""What it answers where nothing is there that could be read."""


class LocalDisk:
    """A folder of this machine. What the system refuses becomes a StoreError of one sentence."""

    def __init__(self, root: str, system: SystemCalls | None = None):
        self.root = Path(root).absolute()
        self.address = str(self.root)
        self._system = system or SystemCalls()
        self._aside_suffix = f".{uuid.uuid4().hex[:12]}-"
        self._count = itertools.count()

    def read(self, path: str) -> bytes:
        with self._explained("read", path), open(self._at(path), "rb", opener=_opened_at_once) as file:
            return file.read()

    @contextlib.contextmanager
    def opened(self, path: str) -> Iterator[BinaryIO]:
        with self._explained("read", path), open(self._at(path), "rb", opener=_opened_at_once) as file:
            yield file

    def write(self, path: str, data: bytes) -> None:
        with self._explained("written", path), self._written_aside(data) as aside:
            self._make_folders(self._parent(path))
            self._put(aside, path)
            self._sync(self._parent(path))

    def write_once(self, path: str, data: bytes) -> None:
        with contextlib.suppress(FileNotFoundError):
            if os.path.exists(self._at(path)) and self.read(path) == data:
                return
        # Thousands of times a minute from many threads: few system calls, and no rename from folder to folder, which
        # takes a lock of the whole file system (3 times the time of this with 8 threads on ext4).
        aside = f"{self._at(path)}{self._aside_suffix}{next(self._count)}"
        with self._explained("written", path), self._removed_on_error(aside):
            try:
                self._write_new(aside, data)
            except FileNotFoundError:
                self._make_folders(self._parent(path))
                self._write_new(aside, data)
            self._put(aside, path)

    def settle(self) -> None:
        with self._explained("written"):
            self._make_folders(self.address)
            with _opened(self.address) as descriptor:
                self._system.sync_all(descriptor)

    def create(self, path: str, data: bytes) -> bool:
        while (created := self._created(path, data)) is None:  # a run that began meanwhile has swept it away
            pass
        return created

    def _created(self, path: str, data: bytes) -> bool | None:
        """Do what `create` does; return None where what was written aside is gone before it is in place."""
        with self._explained("written", path), self._written_aside(data) as aside:
            self._make_folders(self._parent(path))
            try:
                self._system.link(aside, self._at(path))
            except FileExistsError:
                return False
            except FileNotFoundError:
                return None
            finally:
                self._remove(aside)
            self._sync(self._parent(path))
            return True

    def publish(self, folder: str, files: Mapping[str, bytes], last: str) -> None:
        target, aside = self._at(folder), self._new_aside()
        with self._explained("written", folder), self._removed_on_error(aside):
            for name, data in files.items():
                place = f"{aside}/{name}"
                self._make_folders(os.path.dirname(place))
                self._write_new(place, data, is_synced=True)
            for made in {aside, *(os.path.dirname(f"{aside}/{name}") for name in files)}:
                self._sync(made)
            self._make_folders(self._parent(folder))
            if os.path.exists(target):
                raise StoreError(f"{target} is there already; a published folder never changes.")
            self._system.rename(aside, target)
            self._sync(self._parent(folder))

    def withdraw(self, folder: str, last: str) -> None:
        self.delete_folder(folder)

    def exists(self, path: str) -> bool:
        return self._status(path) is not None

    def present(self, folder: str, paths: Iterable[str]) -> set[str]:
        return {path for path in paths if self.exists(path)}

    def size(self, path: str) -> int:
        try:
            return os.path.getsize(self._at(path))
        except OSError:
            return 0

    def names(self, folder: str) -> list[str]:
        with self._explained("read", folder):
            try:
                return sorted(os.listdir(self._at(folder)))
            except (FileNotFoundError, NotADirectoryError):
                return []

    def sizes(self, folder: str) -> dict[str, int]:
        with self._explained("read", folder):
            walk = os.walk(self._at(folder), onerror=_raise_unless_gone)
            files = sorted(Path(top, name) for top, _, names in walk for name in names)
        paths = (file.relative_to(self.root).as_posix() for file in files)
        return {path: status.st_size for path in paths if (status := self._status(path))}

    def folders_with(self, folder: str, file: str) -> list[str]:
        return [name for name in self.names(folder) if self.exists(f"{folder}/{name}/{file}")]

    def delete(self, path: str) -> None:
        with self._explained("removed", path), contextlib.suppress(FileNotFoundError):
            try:
                self._system.unlink(self._at(path))
            except IsADirectoryError:
                self._remove(self._at(path))

    def delete_folder(self, folder: str) -> None:
        aside = self._new_aside()
        with self._explained("removed", folder), contextlib.suppress(FileNotFoundError):
            self._make_folders(os.path.dirname(aside))
            self._system.rename(self._at(folder), aside)
            self._sync(self._parent(folder))
            self._remove(aside)

    def check_writable(self) -> None:
        is_new = not os.path.exists(self.address)
        with self._explained("written"), self._written_aside(b"") as aside:
            self._system.unlink(aside)
        if is_new:
            with contextlib.suppress(OSError):  # not empty: somebody else writes here by now
                for folder in (self._at(ASIDE), self.address):
                    self._system.rmdir(folder)

    def sweep(self, beside: Sequence[str], lock: str) -> None:
        with self.lock(lock, 0, timedelta()), self._explained("removed", ASIDE):
            for name in self.names(ASIDE):
                self._remove(self._at(f"{ASIDE}/{name}"))
            for folder in beside:
                for top, _, names in os.walk(self._at(folder)):
                    for name in filter(UNSETTLED.fullmatch, names):
                        self._remove(f"{top}/{name}")

    @contextlib.contextmanager
    def lock(self, name: str, wait_s: float, lease: timedelta) -> Iterator[None]:
        with self._explained("written", name):
            self._make_folders(self.address)
            descriptor = os.open(self._at(name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            give_up_at = time.monotonic() + wait_s
            while not self._try_lock(descriptor, name):
                if time.monotonic() >= give_up_at:
                    raise TimeoutError(f"{name} is held by another")
                time.sleep(LOCK_POLL_S)
            yield
        finally:
            os.close(descriptor)  # frees the lock, as the system does when its holder dies

    def local_copy(self, path: str, scratch: Scratch | None = None) -> Path:
        with self.opened(path):  # raises where it cannot be read
            if not os.path.isfile(self._at(path)):
                raise FileNotFoundError(self.root / path)
        return self.root / path

    def _status(self, path: str) -> os.stat_result | None:
        """What the system says of a file; None where it is gone, or is a link to nothing."""
        with self._explained("read", path):
            try:
                return os.stat(self._at(path))
            except OSError as error:
                if error.errno not in NOTHING_THERE:
                    raise
                return None

    def _at(self, path: str) -> str:
        return f"{self.address}/{path}"

    def _parent(self, path: str) -> str:
        return os.path.dirname(self._at(path))

    def _new_aside(self) -> str:
        return self._at(f"{ASIDE}/{uuid.uuid4().hex}")

    def _try_lock(self, descriptor: int, name: str) -> bool:
        """Lock an open file, unless somebody else has it; return whether it is locked now."""
        with self._explained("locked", name):
            try:
                self._system.flock(descriptor)
            except BlockingIOError:
                return False
            return True

    @contextlib.contextmanager
    def _explained(self, verb: str, path: str = "") -> Iterator[None]:
        """Put what the system refuses into a sentence; that a file is not there is for the caller when it reads."""
        try:
            yield
        except OSError as error:
            if isinstance(error, FileNotFoundError) and verb == "read":
                raise
            if error.errno in NO_FILE and verb == "read":
                raise FileNotFoundError(errno.ENOENT, error.strerror, error.filename) from error
            where = f"{self.root}/{path}" if path else f"The store {self.root}"
            help_text = ADVICE.get(error.errno or 0, "Look at the disk, and run again.")
            raise StoreError(f"{where} cannot be {verb}: {error.strerror or error}. {help_text}") from error

    @contextlib.contextmanager
    def _written_aside(self, data: bytes) -> Iterator[str]:
        """Write bytes aside, synced, and yield their path; where something goes wrong they are removed again."""
        aside = self._new_aside()
        with self._removed_on_error(aside):
            self._make_folders(os.path.dirname(aside))
            self._write_new(aside, data, is_synced=True)
            yield aside

    @contextlib.contextmanager
    def _removed_on_error(self, aside: str) -> Iterator[None]:
        try:
            yield
        except BaseException:
            with contextlib.suppress(OSError):
                self._remove(aside)
            raise

    def _put(self, aside: str, path: str) -> None:
        """Put what was written aside in its place, also where somebody has put a folder there."""
        try:
            self._system.rename(aside, self._at(path))
        except IsADirectoryError:
            self._remove(self._at(path))
            self._system.rename(aside, self._at(path))

    def _write_new(self, path: str, data: bytes, is_synced: bool = False) -> None:
        descriptor = self._system.create(path)
        try:
            left = memoryview(data)
            while len(left):
                left = left[self._system.write(descriptor, left) :]
            if is_synced:
                self._system.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _sync(self, folder: str) -> None:
        with _opened(folder) as descriptor:
            self._system.fsync(descriptor)

    def _make_folders(self, folder: str) -> None:
        """Make a folder and those above it, as far as they are missing."""
        if os.path.isdir(folder):
            return
        self._make_folders(os.path.dirname(folder))
        with contextlib.suppress(FileExistsError):
            self._system.mkdir(folder)

    def _remove(self, path: str) -> None:
        """Remove a file, or a folder with all that is in it; what others remove meanwhile is removed."""
        with contextlib.suppress(FileNotFoundError):
            if os.path.islink(path) or not os.path.isdir(path):
                self._system.unlink(path)
                return
            for name in os.listdir(path):
                self._remove(f"{path}/{name}")
            self._system.rmdir(path)


def _opened_at_once(path: str, flags: int) -> int:
    """Open a file. Of a pipe in its place nobody waits for the other end: it is an empty file."""
    return os.open(path, flags | os.O_NONBLOCK)


def _raise_unless_gone(error: OSError) -> None:
    """Raise what keeps a folder from being listed; `os.walk` would pass over it as if it were empty."""
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error


@contextlib.contextmanager
def _opened(folder: str) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
