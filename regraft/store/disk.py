"""The one seam to where a store lies: a local folder, or a prefix of anything that fsspec speaks.

What cannot be done raises StoreError, in one sentence. Whoever writes to a disk finds, after a crash at any moment, the
old file or the new one, never half of one.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, Protocol

from regraft.errors import StoreError
from regraft.store.local_disk import LocalDisk
from regraft.store.remote_disk import RemoteDisk
from regraft.store.remote_errors import detail_of
from regraft.store.run_disk import RunDisk
from regraft.store.scratch import Scratch

IN_ONE_PROCESS = "memory:"
"""How the URLs of places begin that other processes cannot see."""


class Disk(Protocol):
    """Whole files, each by its path relative to the disk's root, with / between folders."""

    @property
    def address(self) -> str:
        """Where the disk lies, for people and programs: a folder's absolute path, or a URL; no / at its end."""
        ...

    def read(self, path: str) -> bytes:
        """Return a file's bytes. Raises FileNotFoundError."""
        ...

    def opened(self, path: str) -> AbstractContextManager[BinaryIO]:
        """Open a file to read parts of it, without reading the rest. Entering raises FileNotFoundError."""
        ...

    def write(self, path: str, data: bytes) -> None:
        """Put a file in place, whole or not at all, over any that is there."""
        ...

    def write_once(self, path: str, data: bytes) -> None:
        """Put a file in place, unless it is there; it survives a crash of the machine once `settle` has returned.

        For files that are named by their digest, so that a torn one is always noticed. What is written aside meanwhile
        lies beside it, under its name followed by a dot and more.
        """
        ...

    def settle(self) -> None:
        """Wait until everything that was written survives a crash of the machine."""
        ...

    def create(self, path: str, data: bytes) -> bool:
        """Put a file in place if there is none; return whether it was put."""
        ...

    def publish(self, folder: str, files: Mapping[str, bytes], last: str) -> None:
        """Put a folder in place; `last` is the file that makes it count. Raises StoreError where there is one."""
        ...

    def withdraw(self, folder: str, last: str) -> None:
        """Remove a folder that was published; `last`, the file that makes it count, goes first."""
        ...

    def sweep(self, beside: Sequence[str], lock: str) -> None:
        """Remove what was written aside and never put in place; `beside` are the folders of `write_once`.

        Holds the lock of that name meanwhile. Only for who holds all others under which files are written. Raises
        TimeoutError where another holds it.
        """
        ...

    def exists(self, path: str) -> bool:
        """Return whether a file or folder is there."""
        ...

    def present(self, folder: str, paths: Iterable[str]) -> set[str]:
        """Return which of some files at any depth below a folder are there.

        What was put there after the first question about that folder may be missed: a bucket is listed once.
        """
        ...

    def size(self, path: str) -> int:
        """Return a file's size in bytes; 0 where there is no file."""
        ...

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder, sorted; none where there is no folder."""
        ...

    def sizes(self, folder: str) -> dict[str, int]:
        """Return the size in bytes of each file at any depth below a folder, by path; none where there is no folder."""
        ...

    def folders_with(self, folder: str, file: str) -> list[str]:
        """Return the names of those folders in a folder that hold a file of that name, sorted."""
        ...

    def delete(self, path: str) -> None:
        """Remove a file, if it is there."""
        ...

    def delete_folder(self, folder: str) -> None:
        """Remove a folder with all that is in it, if it is there."""
        ...

    def check_writable(self) -> None:
        """Raise StoreError where files cannot be written here."""
        ...

    def lock(self, name: str, wait_s: float, lease: timedelta) -> AbstractContextManager[None]:
        """Hold the lock of a name. Entering raises TimeoutError where another holder keeps it for longer than `wait_s`.

        The lock of a holder that died is free: at once where the system notices, else when `lease` has passed without
        that the holder renewed it, as one that lives does.
        """
        ...

    def local_copy(self, path: str, scratch: Scratch | None = None) -> Path:
        """Return where programs of this machine can open a file: itself, or a copy.

        The copy lasts as long as `scratch`, or a day where none is given. Raises FileNotFoundError.
        """
        ...


def is_remote(url: str) -> bool:
    """Return whether a store's URL is no folder of this machine."""
    return "://" in url and not url.startswith("file://")


def disk_at(url: str, is_held: bool = False, is_alone: bool = False) -> Disk:
    """Return the disk at a folder's path, in which ~ is the home folder, or an fsspec URL.

    `is_held`: for a run that holds the store there; `is_alone`: which no other machine works for. See `RunDisk`. Raises
    StoreError where no file system speaks that URL, or the one that does cannot be opened.
    """
    if not is_remote(url):
        return LocalDisk(os.path.expanduser(url.removeprefix("file://")))
    try:
        return RunDisk(url, is_alone) if is_held else RemoteDisk(url)
    except Exception as error:  # every file system raises its own
        raise StoreError(f"The store {url} cannot be opened: {detail_of(error)}") from error
