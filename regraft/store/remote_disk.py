"""A prefix of an fsspec file system, such as a bucket, as a store's disk. One call writes an object whole."""

import os
import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Any

from regraft.errors import StoreError
from regraft.store.lease import leased


class RemoteDisk:
    """A prefix of an fsspec file system."""

    def __init__(self, url: str):
        import fsspec  # most stores are folders

        self.address = url.rstrip("/")
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

    def size(self, path: str) -> int:
        try:
            return int(self._fs.size(self._at(path)) or 0)
        except FileNotFoundError:
            return 0

    def names(self, folder: str) -> list[str]:
        self._fs.invalidate_cache()
        try:
            return sorted(PurePosixPath(path).name for path in self._fs.ls(self._at(folder), detail=False))
        except FileNotFoundError:
            return []

    def sizes(self, folder: str) -> dict[str, int]:
        self._fs.invalidate_cache()
        start = len(self._at(""))
        files = self._fs.find(self._at(folder), detail=True)
        return {path[start:]: int(about["size"] or 0) for path, about in sorted(files.items())}

    def delete(self, path: str) -> None:
        if self.exists(path):
            self._fs.rm(self._at(path), recursive=True)

    def lock(self, name: str, wait_s: float, lease: timedelta) -> AbstractContextManager[None]:
        return leased(self, name, wait_s, lease)

    def local_copy(self, path: str) -> Path:
        copy = Path(tempfile.mkdtemp(prefix="regraft-")) / PurePosixPath(path).name
        copy.write_bytes(self.read(path))
        return copy

    def _at(self, path: str) -> str:
        return f"{self.root.rstrip('/')}/{path}"

    def _make_folder(self, path: str) -> None:
        folder = os.path.dirname(self._at(path))
        if folder not in self._made:
            self._fs.makedirs(folder, exist_ok=True)
            self._made.add(folder)
