"""The one seam to where a store lies: a local folder, or anything that fsspec speaks.

Every change of a local disk is write aside, fsync, rename, fsync the folder, so that a crash at any moment leaves the
old file or the new one, never half of one. Object stores write whole objects, and need no more.
"""

import contextlib
import ctypes
import itertools
import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from regraft.errors import StoreError

ASIDE = "tmp"


class Disk(Protocol):
    """Whole files by relative path."""

    def read(self, path: str) -> bytes:
        """Return a file's bytes. Raises FileNotFoundError."""
        ...

    def write(self, path: str, data: bytes) -> None:
        """Put a file in place, whole or not at all, over any that is there."""
        ...

    def write_unsettled(self, path: str, data: bytes) -> None:
        """Put a file in place, whole or not at all; it outlives a crash of the machine once `settle` was called.

        For files whose name proves their content, so that a torn one is never believed.
        """
        ...

    def settle(self) -> None:
        """Wait until everything that was written outlives a crash of the machine."""
        ...

    def create(self, path: str, data: bytes) -> bool:
        """Put a file in place if none is there; tell whether it was put."""
        ...

    def publish(self, folder: str, files: Mapping[str, bytes], last: str) -> None:
        """Put a folder of files in place that was not there; `last` is the file that makes it count."""
        ...

    def exists(self, path: str) -> bool:
        """Tell whether a file or folder is there."""
        ...

    def size(self, path: str) -> int:
        """Return a file's bytes; 0 where there is no file."""
        ...

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder, sorted; none where there is no folder."""
        ...

    def delete(self, path: str) -> None:
        """Remove a file or a folder, if it is there."""
        ...


class LocalDisk:
    """A folder of this machine."""

    def __init__(self, root: str):
        self.root = Path(root).absolute()
        self._aside_suffix = f".{uuid.uuid4().hex[:12]}-"
        self._count = itertools.count()

    def read(self, path: str) -> bytes:
        return (self.root / path).read_bytes()

    def write(self, path: str, data: bytes) -> None:
        aside = self._aside(data)
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(aside, target)
        _sync(target.parent)

    def write_unsettled(self, path: str, data: bytes) -> None:
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

    def names(self, folder: str) -> list[str]:
        try:
            return sorted(os.listdir(self.root / folder))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def size(self, path: str) -> int:
        try:
            return os.path.getsize(self.root / path)
        except OSError:
            return 0

    def delete(self, path: str) -> None:
        target = self.root / path
        if target.is_dir():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)

    def _aside(self, data: bytes) -> Path:
        folder = self.root / ASIDE
        folder.mkdir(parents=True, exist_ok=True)
        aside = folder / uuid.uuid4().hex
        _write_synced(aside, data)
        return aside


class RemoteDisk:
    """A prefix of an fsspec file system, where an object is written whole by one call."""

    def __init__(self, url: str):
        import fsspec  # most stores are folders

        self._fs: Any
        self._fs, self.root = fsspec.core.url_to_fs(url)
        self._made: set[str] = set()

    def read(self, path: str) -> bytes:
        return bytes(self._fs.cat_file(self._at(path)))

    def write(self, path: str, data: bytes) -> None:
        self._make_folder(path)
        self._fs.pipe_file(self._at(path), data)

    def write_unsettled(self, path: str, data: bytes) -> None:
        self.write(path, data)

    def settle(self) -> None:
        """An object that was written is safe."""

    def create(self, path: str, data: bytes) -> bool:
        self._make_folder(path)
        try:
            self._fs.pipe_file(self._at(path), data, mode="create")
        except FileExistsError:
            return False
        return True

    def publish(self, folder: str, files: Mapping[str, bytes], last: str) -> None:
        if self.exists(f"{folder}/{last}"):
            raise StoreError(f"{self._at(folder)} is there already; a published folder never changes.")
        for name in sorted(files, key=lambda name: name == last):
            self.write(f"{folder}/{name}", files[name])

    def exists(self, path: str) -> bool:
        self._fs.invalidate_cache()
        return bool(self._fs.exists(self._at(path)))

    def names(self, folder: str) -> list[str]:
        self._fs.invalidate_cache()
        try:
            return sorted(PurePosixPath(path).name for path in self._fs.ls(self._at(folder), detail=False))
        except FileNotFoundError:
            return []

    def size(self, path: str) -> int:
        try:
            return int(self._fs.size(self._at(path)) or 0)
        except FileNotFoundError:
            return 0

    def delete(self, path: str) -> None:
        if self.exists(path):
            self._fs.rm(self._at(path), recursive=True)

    def _at(self, path: str) -> str:
        return f"{self.root.rstrip('/')}/{path}"

    def _make_folder(self, path: str) -> None:
        folder = os.path.dirname(self._at(path))
        if folder not in self._made:
            self._fs.makedirs(folder, exist_ok=True)
            self._made.add(folder)


def disk_at(url: str) -> Disk:
    """Return the disk that a folder's path or an fsspec URL names."""
    if "://" not in url:
        return LocalDisk(url)
    if url.startswith("file://"):
        return LocalDisk(url.removeprefix("file://"))
    try:
        return RemoteDisk(url)
    except (ImportError, ValueError) as error:
        raise StoreError(f"The store {url} cannot be opened: {error}") from error


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
