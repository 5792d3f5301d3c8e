"""Backbones as LiteRT models, by fingerprint: what converts them takes seconds to import, and they never change."""

import contextlib
from collections.abc import Iterator

from regraft.errors import CorruptError
from regraft.store.backbone_files import BackboneFile, short_name
from regraft.store.disk import Disk
from regraft.store.root import NETWORKS

SUFFIX = ".tflite"


class Network(BackboneFile):
    """One backbone as a LiteRT model."""

    folder = NETWORKS

    def is_named_by(self, data: bytes) -> bool:
        """Return whether these are the bytes that its name says."""
        return self.name == short_name(data) + SUFFIX


class Networks:
    """The networks in one store. They may be lost without harm: the next run makes them again."""

    def __init__(self, disk: Disk):
        self._disk = disk

    def __iter__(self) -> Iterator[Network]:
        """Yield every network."""
        for fingerprint in self._disk.names(NETWORKS):
            yield from self._networks_of(fingerprint)

    def read(self, fingerprint: str) -> bytes | None:
        """Return a backbone's LiteRT model; None where it was not kept, or is damaged."""
        for network in self._networks_of(fingerprint):
            with contextlib.suppress(CorruptError, FileNotFoundError):
                return network.read_bytes()
        return None

    def put(self, fingerprint: str, model: bytes) -> None:
        """Keep a backbone's LiteRT model."""
        self._disk.write(Network(self._disk, fingerprint, short_name(model) + SUFFIX).path, model)

    def _networks_of(self, fingerprint: str) -> Iterator[Network]:
        for name in self._disk.names(f"{NETWORKS}/{fingerprint}"):
            yield Network(self._disk, fingerprint, name)
