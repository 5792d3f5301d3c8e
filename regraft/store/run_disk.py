"""A bucket as the disk of one run: what nobody else changes meanwhile is read and listed once.

Whoever publishes, changes or deletes a version holds the store, and so does whoever changes its layout, what is known
of links and pictures, or what was removed. Other machines, where some work for the same run, write shards of links and
features. What is not there at the start need not be looked for: one listing of the store's root tells.
"""

import errno
import os
import threading
from collections.abc import Mapping
from typing import Any

from regraft.store.remote_disk import RemoteDisk
from regraft.store.root import DRAFTS, FEATURES, LAYOUT_FILE, LINKS, NETWORKS, RECEIPTS, REMOVALS, REMOVING, VERSIONS

OF_HOLDER = (VERSIONS, LINKS, FEATURES, NETWORKS, DRAFTS, RECEIPTS, LAYOUT_FILE, REMOVALS, REMOVING)
"""The folders and files in a store's root that only the machines change that hold it."""
MAX_KEPT_BYTES = 64_000_000
"""Of files that need not be read again."""


class RunDisk(RemoteDisk):
    """A prefix of an fsspec file system, whose lock a run holds; `is_alone` where no other machine works for that."""

    def __init__(self, url: str, is_alone: bool = False):
        super().__init__(url)
        self._is_alone = is_alone
        self._lock = threading.Lock()
        self._kept: dict[str, bytes] = {}
        self._listings: dict[str, dict[str, int]] = {}
        """By folder or file of the store's root, the size of each file there, by path."""
        self._is_root_listed = not is_alone

    def read(self, path: str) -> bytes:
        with self._lock:
            if (kept := self._kept.get(path)) is not None:
                return kept
        if self._is_absent(path):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self._at(path))
        data = super().read(path)
        self._keep(path, data)
        return data

    def write(self, path: str, data: bytes) -> None:
        """What is known to be there already is not written again."""
        with self._lock:
            if self._kept.get(path) == data:
                return
        super().write(path, data)
        self._keep(path, data)
        self._list(path, len(data))

    def create(self, path: str, data: bytes) -> bool:
        is_put = super().create(path, data)
        if is_put:
            self._list(path, len(data))
        return is_put

    def exists(self, path: str) -> bool:
        return not self._is_absent(path) and super().exists(path)

    def publish(self, folder: str, files: Mapping[str, bytes], last: str) -> None:
        super().publish(folder, files, last)
        for name, data in files.items():
            self._list(f"{folder}/{name}", len(data))

    def sizes(self, folder: str) -> dict[str, int]:
        top = _top(folder)
        if not self._is_own(top):
            return super().sizes(folder)
        with self._lock:
            self._list_root()
            if top not in self._listings:
                self._listings[top] = super().sizes(top)
            files = self._listings[top]
            return {path: files[path] for path in sorted(files) if path.startswith(f"{folder}/")}

    def names(self, folder: str) -> list[str]:
        if not self._is_own(_top(folder)):
            return super().names(folder)
        return sorted({path.removeprefix(f"{folder}/").partition("/")[0] for path in self.sizes(folder)})

    def delete(self, path: str) -> None:
        super().delete(path)
        self._forget(path)

    def delete_folder(self, folder: str) -> None:
        super().delete_folder(folder)
        self._forget(f"{folder}/")

    def _is_own(self, top: str) -> bool:
        """Whether nobody but this process changes a folder or file of the store's root."""
        return top == VERSIONS or (self._is_alone and top in OF_HOLDER)

    def _is_absent(self, path: str) -> bool:
        """Whether a listing tells that nothing is at a path."""
        with self._lock:
            self._list_root()
            files = self._listings.get(_top(path), {path: 0})
            return path not in files and not any(file.startswith(f"{path}/") for file in files)

    def _list_root(self) -> None:
        """List the store's root, once: what is not there now is only ever put there by this process."""
        if not self._is_root_listed:
            there = super().names("")
            self._listings |= {top: {} for top in OF_HOLDER if top not in there}
            self._is_root_listed = True

    def _keep(self, path: str, data: bytes) -> None:
        """Have a file at hand that nobody but this process changes."""
        is_of_links = _top(path) == LINKS and (self._is_alone or path.count("/") == 1)
        with self._lock:
            self._kept.pop(path, None)
            if len(data) <= MAX_KEPT_BYTES and (path == LAYOUT_FILE or _top(path) == VERSIONS or is_of_links):
                self._kept[path] = data
                while sum(map(len, self._kept.values())) > MAX_KEPT_BYTES:
                    del self._kept[next(iter(self._kept))]

    def _list(self, path: str, size: int) -> None:
        """Know that a file is there now."""
        with self._lock:
            if (files := self._listings.get(_top(path))) is not None:
                files[path] = size

    def _forget(self, beginning: str) -> None:
        """Know nothing any more of the files whose paths begin so."""
        known: list[dict[str, Any]] = [self._kept, *self._listings.values()]
        with self._lock:
            for files in known:
                for path in [path for path in files if path.startswith(beginning)]:
                    del files[path]


def _top(path: str) -> str:
    """The folder of the store that a file or a folder lies in."""
    return path.partition("/")[0]
