"""A bucket as the disk of one run: what nobody else changes meanwhile is read and listed once.

Whoever publishes, changes or deletes a version holds the store, and so does whoever changes its layout or what is known
of pictures. Shards of links are not among that: other machines write them for the same run.
"""

import threading

from regraft.store.remote_disk import RemoteDisk

LAYOUT = "store.json"
"""The path of the store's layout."""
OF_PICTURES = "links/"
"""The folder of the tables of pictures; below it are folders of links."""
PUBLISHED = "versions/"
"""How the paths of published files begin."""
MAX_KEPT_BYTES = 64_000_000
"""Of files that need not be read again."""


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
        if _is_kept(path) and len(data) <= MAX_KEPT_BYTES:
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
        if _is_kept(path):
            with self._lock:
                self._kept.pop(path, None)
                self._folders.clear()


def _is_kept(path: str) -> bool:
    """Whether nobody but this process changes a file while the run goes on."""
    is_of_pictures = path.startswith(OF_PICTURES) and path.count("/") == 1
    return path == LAYOUT or path.startswith(PUBLISHED) or is_of_pictures
