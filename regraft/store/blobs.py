"""Image bytes by their digest, write-once. All of the store that the fetching processes need, cheap to import."""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from regraft.errors import CorruptError, StoreError
from regraft.identity import DIGEST, DIGEST_DIGITS, Digest, digest_of
from regraft.store.disk import Disk
from regraft.store.local_disk import LocalDisk

FOLDER = "blobs"
"""The folder of image bytes."""
MAX_NEARBY_BYTES = 500_000_000
"""Of the blobs that one process keeps nearby."""


@dataclass(frozen=True)
class Blob:
    """A file that lies where the bytes of a digest belong; whether it has those bytes is seen when it is read."""

    disk: Disk
    folder: str
    digest: Digest
    """What its name says. Of what a crash left behind, the name is no digest."""

    @property
    def path(self) -> str:
        """The path in the store."""
        return f"{self.folder}/{self.digest[:2]}/{self.digest[2:]}"

    @property
    def size(self) -> int:
        """The size in bytes."""
        return self.disk.size(self.path)

    @property
    def is_whole(self) -> bool:
        """Whether the bytes have the digest that the name says; also where a run has just removed the file."""
        try:
            return digest_of(self.disk.read(self.path)) == self.digest
        except FileNotFoundError:
            return True

    def delete(self) -> None:
        """Remove it, if it is there."""
        self.disk.delete(self.path)


class Blobs:
    """Bytes by their digest, in one folder of a store. Safe to use from many processes and threads."""

    def __init__(
        self,
        disk: Disk,
        folder: str = FOLDER,
        advice: str = "run again to fetch it again",
        nearby: str | None = None,
    ):
        self._disk = disk
        self._folder = folder
        self._advice = advice
        """What helps where bytes are gone or damaged, for messages."""
        self._nearby = LocalDisk(nearby) if nearby else None
        """A folder of this machine where some of what was put lies too: for a bucket, to be read from there."""
        self._nearby_bytes = 0

    def __iter__(self) -> Iterator[Blob]:
        """Yield every file of the folder, in the order of the digests; what is being written aside is none yet."""
        start = len(self._folder) + 1
        for path in self._disk.sizes(self._folder):
            name = path[start:].replace("/", "", 1)
            digest, dot, _ = name.partition(".")
            if not (dot and DIGEST.fullmatch(digest)):
                yield Blob(self._disk, self._folder, Digest(name))

    def put(self, data: bytes) -> Digest:
        """Keep bytes and return their digest. Bytes that are there already are not written again.

        A crash of the machine may lose them until `disk.settle()`; it can never make them read as others. Raises
        StoreError where they cannot be kept, as on a full disk.
        """
        digest = digest_of(data)
        try:
            self._disk.write_once(self.at(digest).path, data)
        except OSError as error:
            raise StoreError(
                f"The store {self._disk.address} cannot be written ({error.strerror or error})."
            ) from error
        self._keep_nearby(digest, data)
        return digest

    def has(self, digest: Digest) -> bool:
        """Return whether there are bytes of that digest; they are checked when they are read."""
        return self._disk.exists(self.at(digest).path)

    def among(self, digests: Iterable[Digest]) -> set[Digest]:
        """Return those digests of which there were bytes at the first such question, at the latest."""
        paths = {digest: self.at(digest).path for digest in digests}
        present = self._disk.present(self._folder, paths.values())
        return {digest for digest, path in paths.items() if path in present}

    def read(self, digest: Digest) -> bytes:
        """Return the bytes of a digest.

        Raises CorruptError where they are gone, or have another digest: then they are removed. Raises StoreError where
        the store cannot be read, which is no fault of theirs.
        """
        blob = self.at(digest)
        if self._nearby:
            with contextlib.suppress(OSError, StoreError):
                if digest_of(data := self._nearby.read(blob.path)) == digest:
                    return data
        try:
            data = self._disk.read(blob.path)
        except FileNotFoundError:
            raise CorruptError(f"{blob.path} is gone from the store {self._disk.address}; {self._advice}.") from None
        if digest_of(data) != digest:
            blob.delete()
            raise CorruptError(
                f"{blob.path} in the store {self._disk.address} was damaged, and is removed; {self._advice}."
            )
        return data

    def at(self, digest: Digest) -> Blob:
        """Return where the bytes of a digest belong, be they there or not. Raises StoreError where it is no digest."""
        if not DIGEST.fullmatch(digest):
            raise StoreError(f"{digest!r} is not a digest: expected {DIGEST_DIGITS} lower-case hex digits.")
        return Blob(self._disk, self._folder, digest)

    def _keep_nearby(self, digest: Digest, data: bytes) -> None:
        if self._nearby and self._nearby_bytes + len(data) <= MAX_NEARBY_BYTES:
            self._nearby_bytes += len(data)
            with contextlib.suppress(StoreError):  # there is no room, and no need
                self._nearby.write_once(self.at(digest).path, data)
