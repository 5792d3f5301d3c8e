"""Backbones as LiteRT models, by fingerprint: what converts them takes seconds to import, and they never change."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from regraft.errors import CorruptError
from regraft.identity import digest_of
from regraft.store.disk import Disk

FOLDER = "networks"
NAME_DIGITS = 16
"""Hex digits of its digest that a model's name has."""
SUFFIX = ".tflite"


@dataclass(frozen=True)
class Network:
    """One backbone as a LiteRT model: a file, named by the digest of its bytes."""

    disk: Disk
    fingerprint: str
    """Names the backbone, its weights and its preprocessing."""
    name: str

    @property
    def path(self) -> str:
        """The path in the store."""
        return f"{FOLDER}/{self.fingerprint}/{self.name}"

    @property
    def size(self) -> int:
        """The size in bytes."""
        return self.disk.size(self.path)

    def read(self) -> bytes:
        """Return the model. Raises CorruptError where it is damaged, FileNotFoundError where it is gone."""
        model = self.disk.read(self.path)
        if _name_of(model) != self.name:
            raise CorruptError(f"{self.path} is damaged: its bytes are not what its name says")
        return model

    def delete(self) -> None:
        """Remove it, if it is there."""
        self.disk.delete(self.path)


class Networks:
    """The networks in one store. They may be lost without harm: the next run makes them again."""

    def __init__(self, disk: Disk):
        self._disk = disk

    def __iter__(self) -> Iterator[Network]:
        """Yield every network."""
        for fingerprint in self._disk.names(FOLDER):
            yield from self._networks_of(fingerprint)

    def read(self, fingerprint: str) -> bytes | None:
        """Return a backbone's LiteRT model; None where it was not kept, or is damaged."""
        for network in self._networks_of(fingerprint):
            with contextlib.suppress(CorruptError, FileNotFoundError):
                return network.read()
        return None

    def put(self, fingerprint: str, model: bytes) -> None:
        """Keep a backbone's LiteRT model."""
        self._disk.write(Network(self._disk, fingerprint, _name_of(model)).path, model)

    def _networks_of(self, fingerprint: str) -> Iterator[Network]:
        for name in self._disk.names(f"{FOLDER}/{fingerprint}"):
            yield Network(self._disk, fingerprint, name)


def _name_of(model: bytes) -> str:
    return f"{digest_of(model)[:NAME_DIGITS]}{SUFFIX}"
