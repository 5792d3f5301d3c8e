"""A folder of this machine as a store's disk.

Every change is write aside, fsync, rename, fsync the folder: rename(2) replaces a file in one step, and only what was
synced survives a crash of the machine.
"""

import contextlib
import ctypes
import itertools
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path

from regraft.errors import StoreError

ASIDE = "tmp"
"""The folder in which files are written before they are renamed to their place."""


class LocalDisk:
    """A folder of this machine."""

    def __init__(self, root: str):
        self.root = Path(root).absolute()
        self._aside_suffix = f".{uuid.uuid4().hex[:12]}-"
        self._count = itertools.count()

    @property
    def address(self) -> str:
        return str(self.root)

    def read(self, path: str) -> bytes:
        return (self.root / path).read_bytes()

    def write(self, path: str, data: bytes) -> None:
        aside = self._aside(data)
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(aside, target)
        _sync(target.parent)

    def write_once(self, path: str, data: bytes) -> None:
        with contextlib.suppress(FileNotFoundError):
            if self.read(path) == data:
                return
        # Thousands of times a minute from many threads: few system calls, and no rename from folder to folder, which
        # takes a lock of the whole file system (3 times the time of this with 8 threads on ext4).
        target = f"{self.root}/{path}"
        aside = f"{target}{self._aside_suffix}{next(self._count)}"
        try:
            _write_new(aside, data)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            _write_new(aside, data)
        os.rename(aside, target)

    def settle(self) -> None:
        descriptor = os.open(self.root, os.O_RDONLY)
        try:
            _sync_all(descriptor)
        finally:
            os.close(descriptor)

    def create(self, path: str, data: bytes) -> bool:
        aside = self._aside(data)
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(aside, target)
        except FileExistsError:
            return False
        finally:
            aside.unlink()
        _sync(target.parent)
        return True

    def publish(self, folder: str, files: Mapping[str, bytes], last: str) -> None:
        target = self.root / folder
        aside = self.root / ASIDE / uuid.uuid4().hex
        for name, data in files.items():
            place = aside / name
            place.parent.mkdir(parents=True, exist_ok=True)
            _write_synced(place, data)
        for made in {aside, *(aside / name for name in map(os.path.dirname, files))}:
            _sync(made)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            shutil.rmtree(aside)
            raise StoreError(f"{target} is there already; a published folder never changes.")
        os.rename(aside, target)
        _sync(target.parent)

    def exists(self, path: str) -> bool:
        return os.path.exists(f"{self.root}/{path}")

    def present(self, folder: str, paths: Iterable[str]) -> set[str]:
        return {path for path in paths if self.exists(path)}

    def size(self, path: str) -> int:
        try:
            return os.path.getsize(self.root / path)
        except OSError:
            return 0

    def names(self, folder: str) -> list[str]:
        try:
            return sorted(os.listdir(self.root / folder))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def sizes(self, folder: str) -> dict[str, int]:
        files = (file for file in sorted((self.root / folder).rglob("*")) if file.is_file())
        return {file.relative_to(self.root).as_posix(): file.stat().st_size for file in files}

    def folders_with(self, folder: str, file: str) -> list[str]:
        return [name for name in self.names(folder) if self.exists(f"{folder}/{name}/{file}")]

    def delete(self, path: str) -> None:
        (self.root / path).unlink(missing_ok=True)

    def delete_folder(self, folder: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self.root / folder)

    def check_writable(self) -> None:
        probe = self._aside(b"")
        probe.unlink()

    @contextlib.contextmanager
    def lock(self, name: str, wait_s: float, lease: timedelta) -> Iterator[None]:
        import filelock  # the fetching workers open a store too, lock nothing, and should start soon

        with filelock.FileLock(self.root / name, timeout=wait_s):  # the system frees it when its holder dies
            yield

    def local_copy(self, path: str, folder: Path | None = None) -> Path:
        if not self.exists(path):
            raise FileNotFoundError(self.root / path)
        return self.root / path

    def _aside(self, data: bytes) -> Path:
        folder = self.root / ASIDE
        folder.mkdir(parents=True, exist_ok=True)
        aside = folder / uuid.uuid4().hex
        _write_synced(aside, data)
        return aside


def _write_synced(path: Path, data: bytes) -> None:
    with open(path, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _write_new(path: str, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        written = os.write(descriptor, data)
        while written < len(data):
            written += os.write(descriptor, data[written:])
    finally:
        os.close(descriptor)


def _sync_all(descriptor: int) -> None:
    """Wait for the file system that an open folder lies on: one call for any number of files."""
    with contextlib.suppress(OSError, AttributeError):  # not every system has it
        if ctypes.CDLL(None).syncfs(descriptor) == 0:
            return
    os.sync()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
