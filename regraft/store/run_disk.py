"""A bucket as the disk of one run: what is published there is read and listed once.

Whoever publishes, changes or deletes a version holds the store. So while a run does, nobody else changes them.
"""

import threading

from regraft.store.remote_disk import RemoteDisk

PUBLISHED = "versions/"
"""How the paths of published files begin."""
MAX_KEPT_BYTES = 64_000_000
"""Of published files that need not be read again."""


class RunDisk(RemoteDisk):
    """A prefix of an fsspec file system, whose lock a run holds."""

    def __init__(self, url: str):
        super().__init__(url)
        self._lock = threading.Lock()
        self._kept: dict[str, bytes] = {}
        self._folders: dict[tuple[str, str], list[str]] = {}

    def read(self, path: str) -> bytes:
        with self._lock:
            if (kept := self._kept.get(path)) is not None:
                return kept
        data = super().read(path)
        if path.startswith(PUBLISHED) and len(data) <= MAX_KEPT_BYTES:
            with self._lock:
                self._kept[path] = data
                while sum(map(len, self._kept.values())) > MAX_KEPT_BYTES:
                    del self._kept[next(iter(self._kept))]
        return data

    def folders_with(self, folder: str, file: str) -> list[str]:
        with self._lock:
            if (known := self._folders.get((folder, file))) is not None:
                return list(known)
        names = super().folders_with(folder, file)
        with self._lock:
            self._folders[folder, file] = names
        return list(names)

    def write(self, path: str, data: bytes) -> None:
        super().write(path, data)
        self._forget(path)

    def delete(self, path: str) -> None:
        super().delete(path)
        self._forget(path)

    def _forget(self, path: str) -> None:
        """Read and list again what a changed file may be part of."""
        if path.startswith(PUBLISHED):
            with self._lock:
                self._kept.pop(path, None)
                self._folders.clear()
