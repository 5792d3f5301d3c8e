"""Image bytes by their digest, write-once. The part of the store that the crew's processes need, cheap to import."""

import re

from regraft.errors import CorruptError, StoreError
from regraft.identity import digest_of
from regraft.store.disk import Disk, LocalDisk, disk_at

_DIGEST = re.compile(r"[0-9a-f]{64}")


class Blobs:
    """The blobs of a store: a folder or an fsspec URL. Safe to use from many processes and threads."""

    def __init__(self, url: str):
        self.url = url
        self.disk: Disk = disk_at(url)

    @property
    def is_local(self) -> bool:
        """Whether the store is a folder of this machine."""
        return isinstance(self.disk, LocalDisk)

    def put_blob(self, data: bytes) -> str:
        """Keep bytes; return their digest. Bytes that are there already, and whole, are not written again.

        A crash of the machine may lose a blob until `disk.settle()`; it can never make one that reads as another.
        """
        digest = digest_of(data)
        path = _blob(digest)
        if not self.disk.exists(path) or self.disk.read(path) != data:
            self.disk.write_unsettled(path, data)
        return digest

    def has_blob(self, digest: str) -> bool:
        """Tell whether a blob is there; its bytes are checked when it is read."""
        return self.disk.exists(_blob(digest))

    def blob(self, digest: str) -> bytes:
        """Return a blob's bytes. Raises CorruptError where they do not have that digest, StoreError if gone."""
        try:
            data = self.disk.read(_blob(digest))
        except FileNotFoundError:
            raise StoreError(
                f"The blob {digest[:12]} is gone from {self.url}; the next run fetches it again."
            ) from None
        if digest_of(data) != digest:
            self.disk.delete(_blob(digest))
            raise CorruptError(
                f"The blob {digest[:12]} in {self.url} was damaged and is removed; run again to refetch it."
            )
        return data


def _blob(digest: str) -> str:
    if not _DIGEST.fullmatch(digest):
        raise StoreError(f"{digest!r} is no digest: 64 hex digits expected.")
    return f"blobs/{digest[:2]}/{digest[2:]}"
