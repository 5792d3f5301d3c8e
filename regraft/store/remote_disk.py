"""A prefix of an fsspec file system, such as a bucket, as a store's disk. One call writes an object whole.

In a bucket each request costs money and some hundredths of a second. So what is written once is put on the condition
that it is not there, which tells as much as looking first; folders are listed, not probed file by file; and what can be
sent side by side is.
"""

import contextlib
import itertools
import os
import socket
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO

from regraft.errors import StoreError
from regraft.store.lease import Tagged, check_not_lost, leased
from regraft.store.remote_errors import ALREADY_THERE, code_of, explained
from regraft.store.scratch import Scratch, lasting_folder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oss", "oci"})
"""Protocols that know no folders, which therefore need not be made."""
TAGGED = frozenset({"s3", "s3a"})
"""Protocols that replace an object on the condition that it still has its ETag."""

ONE_REQUEST_A_READ = {"max_concurrency": 1}
"""s3fs asks for an object's size first, unless it must not read its parts side by side."""
BLOCK_SIZE = 2**20
"""Bytes that one request reads of a file of which only parts are wanted."""


class RemoteDisk:
    """A prefix of an fsspec file system. Whoever has lost a lock there to another changes nothing more."""

    def __init__(self, url: str):
        import fsspec  # most stores are folders

        self.address = url.rstrip("/")
        self._fs: Any
        protocol = url.partition("://")[0]
        options = ONE_REQUEST_A_READ if protocol in TAGGED else {}
        self._fs, self.root = fsspec.core.url_to_fs(url, use_listings_cache=False, **options)
        self._has_folders = protocol not in OBJECT_STORES
        if not self._has_folders and not self.root.partition("/")[0]:
            raise ValueError(f"it names no bucket; write {protocol}://BUCKET/FOLDER")
        self._is_tagged = protocol in TAGGED
        self._made: set[str] = set()
        self._listing = threading.Lock()
        self._listed: dict[str, NDArray[np.int64]] = {}
        """The hashes of the paths below a folder, sorted: 8 bytes for each of millions of files."""

    def read(self, path: str) -> bytes:
        with explained(self.address):
            return bytes(self._fs.cat_file(self._at(path)))

    @contextlib.contextmanager
    def opened(self, path: str) -> Iterator[BinaryIO]:
        with explained(self.address), self._fs.open(self._at(path), "rb", block_size=BLOCK_SIZE) as file:
            yield file

    def write(self, path: str, data: bytes) -> None:
        check_not_lost(self.address)
        with explained(self.address):
            self._make_folder(path)
            self._fs.pipe_file(self._at(path), data)

    def write_once(self, path: str, data: bytes) -> None:
        self.create(path, data)

    def settle(self) -> None:
        """An object that was written is safe."""

    def check_writable(self) -> None:
        """Whoever writes here takes the lock first, which shows that the disk can be written."""

    def create(self, path: str, data: bytes) -> bool:
        check_not_lost(self.address)
        with explained(self.address):
            self._make_folder(path)
            return self._put(path, data, mode="create") is not None

    def create_tagged(self, path: str, data: bytes) -> str | None:
        check_not_lost(self.address)
        with explained(self.address):
            self._make_folder(path)
            return self._tag(data, self._put(path, data, mode="create"))

    def read_tagged(self, path: str) -> Tagged:
        if not self._is_tagged:
            data = self.read(path)
            return Tagged(data, data.hex(), None)
        with explained(self.address):
            bucket, key, _ = self._fs.split_path(self._at(path))
            head = self._fs.call_s3("head_object", Bucket=bucket, Key=key, **self._fs.req_kw)
        # Read after the tag: where both differ, the tag is old, and no swap succeeds.
        return Tagged(self.read(path), str(head["ETag"]), _age_s(head))

    def swap(self, path: str, data: bytes, tag: str) -> str | None:
        """Without ETags there is a moment in which two may both replace a file, but not both create it."""
        with contextlib.suppress(FileNotFoundError):
            if self._is_tagged:
                with explained(self.address):
                    return self._tag(data, self._put(path, data, IfMatch=tag))
            if self.read(path).hex() == tag:
                self.delete(path)
                return self.create_tagged(path, data)
        return None

    def _put(self, path: str, data: bytes, **condition: str) -> Mapping[str, Any] | None:
        """Put a file in place, and return what the file system answers; None where the condition does not hold."""
        try:
            return self._fs.pipe_file(self._at(path), data, **condition) or {}
        except OSError as error:
            if isinstance(error, FileExistsError) or code_of(error) in ALREADY_THERE:
                return None
            raise

    def _tag(self, data: bytes, answer: Mapping[str, Any] | None) -> str | None:
        """The tag of a file that was put, from the answer to that; None where it was not put."""
        if answer is None:
            return None
        return str(answer["ETag"]) if self._is_tagged else data.hex()

    def publish(self, folder: str, files: Mapping[str, bytes], last: str) -> None:
        if f"{folder}/{last}" in self.sizes(folder):
            raise StoreError(f"{self._at(folder)} is there already; a published folder never changes.")
        check_not_lost(self.address)
        with explained(self.address):
            for name in files:
                self._make_folder(f"{folder}/{name}")
            self._fs.pipe({self._at(f"{folder}/{name}"): data for name, data in files.items() if name != last})
        self.write(f"{folder}/{last}", files[last])

    def withdraw(self, folder: str, last: str) -> None:
        self.delete(f"{folder}/{last}")
        self.delete_folder(folder)

    def sweep(self, beside: Sequence[str], lock: str) -> None:
        """Nothing is written aside: an object is there whole or not at all."""

    def exists(self, path: str) -> bool:
        with explained(self.address):
            if self._is_tagged:  # s3fs asks twice for a file that is missing, and once for a prefix
                return self._at(path) in self._fs.find(self.root, prefix=path)
            return bool(self._fs.exists(self._at(path)))

    def present(self, folder: str, paths: Iterable[str]) -> set[str]:
        import numpy as np  # the fetching processes open a disk too, and ask nothing of the kind

        with self._listing:
            if folder not in self._listed:
                self._listed[folder] = np.sort(np.fromiter(map(hash, self.sizes(folder)), np.int64))
        wanted = list(paths)
        return set(itertools.compress(wanted, np.isin([hash(path) for path in wanted], self._listed[folder])))

    def size(self, path: str) -> int:
        with contextlib.suppress(FileNotFoundError), explained(self.address):
            return int(self._fs.size(self._at(path)) or 0)
        return 0

    def names(self, folder: str) -> list[str]:
        with contextlib.suppress(FileNotFoundError), explained(self.address):
            return sorted(PurePosixPath(path).name for path in self._fs.ls(self._at(folder), detail=False))
        return []

    def sizes(self, folder: str) -> dict[str, int]:
        start = len(self._at(""))
        with explained(self.address):
            files = self._files(folder)
        return {path[start:]: int(about["size"] or 0) for path, about in sorted(files.items())}

    def folders_with(self, folder: str, file: str) -> list[str]:
        depth = len(PurePosixPath(folder).parts)
        paths = map(PurePosixPath, self.sizes(folder))
        return [path.parts[depth] for path in paths if path.name == file and len(path.parts) == depth + 2]

    def delete(self, path: str) -> None:
        check_not_lost(self.address)
        with contextlib.suppress(FileNotFoundError), explained(self.address):
            self._fs.rm_file(self._at(path))

    def delete_folder(self, folder: str) -> None:
        check_not_lost(self.address)
        with contextlib.suppress(FileNotFoundError), explained(self.address):
            if self._has_folders:
                self._fs.rm(self._at(folder), recursive=True)
            elif paths := [self._at(path) for path in self.sizes(folder)]:
                self._fs.rm(paths)

    def lock(self, name: str, wait_s: float, lease: timedelta) -> AbstractContextManager[None]:
        return leased(self, name, wait_s, lease)

    def local_copy(self, path: str, scratch: Scratch | None = None) -> Path:
        data = self.read(path)
        try:
            copy = scratch.copy_of(path) if scratch else lasting_folder() / PurePosixPath(path).name
            aside = copy.with_name(f"{copy.name}-{uuid.uuid4().hex}")  # an earlier copy may be open
            aside.write_bytes(data)
            return aside.replace(copy)
        except OSError as error:
            raise StoreError(
                f"{path} of the store {self.address} cannot be copied to {socket.gethostname()} ({error}). Make room "
                "there, or let TMPDIR name a folder that has some, then run again."
            ) from error

    def _files(self, folder: str) -> dict[str, dict[str, Any]]:
        """What the file system says of each file at any depth below a folder, by path. Raises as it does."""
        if self._is_tagged and folder:  # s3fs asks three times for a folder that is empty, and once for a prefix
            return dict(self._fs.find(self.root, prefix=f"{folder}/", detail=True))
        return dict(self._fs.find(self._at(folder), detail=True))

    def _at(self, path: str) -> str:
        return f"{self.root.rstrip('/')}/{path}"

    def _make_folder(self, path: str) -> None:
        """Make the folder of a file, where there are folders."""
        folder = os.path.dirname(self._at(path))
        if self._has_folders and folder not in self._made:
            self._fs.makedirs(folder, exist_ok=True)
            self._made.add(folder)


def _age_s(head: Mapping[str, Any]) -> float | None:
    """Seconds since an object was written, from a bucket's answer about it; None where that has no date."""
    now = head["ResponseMetadata"]["HTTPHeaders"].get("date")
    return (parsedate_to_datetime(now) - head["LastModified"]).total_seconds() if now else None
