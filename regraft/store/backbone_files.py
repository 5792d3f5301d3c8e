"""Files that are kept for each backbone: what they share, be they features or networks."""

from dataclasses import dataclass
from typing import ClassVar

from regraft.errors import CorruptError
from regraft.identity import digest_of
from regraft.store.disk import Disk

NAME_DIGITS = 16
"""Hex digits of its digest that a file is named by."""


@dataclass(frozen=True)
class BackboneFile:
    """A file of one backbone, named by the digest of its bytes."""

    folder: ClassVar[str]
    """The folder of all files of this kind."""
    disk: Disk
    fingerprint: str
    """Names the backbone, its weights and its preprocessing."""
    name: str

    @property
    def path(self) -> str:
        """The path in the store."""
        return f"{self.folder}/{self.fingerprint}/{self.name}"

    @property
    def size(self) -> int:
        """The size in bytes."""
        return self.disk.size(self.path)

    def read_bytes(self) -> bytes:
        """Return its bytes. Raises CorruptError where they are damaged, FileNotFoundError where it is gone."""
        data = self.disk.read(self.path)
        if not self.is_named_by(data):
            raise CorruptError(f"{self.path} is damaged: its bytes are not what its name says")
        return data

    def is_named_by(self, data: bytes) -> bool:
        """Return whether these are the bytes that its name says."""
        return self.name.startswith(short_name(data))

    def delete(self) -> None:
        """Remove it, if it is there."""
        self.disk.delete(self.path)


def short_name(data: bytes) -> str:
    """Return what the name of a file with these bytes begins with."""
    return digest_of(data)[:NAME_DIGITS]
