"""Features by backbone and digest, in parts that are only ever added, each named by the digest of its bytes."""

import io
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from regraft.errors import CorruptError
from regraft.identity import Digest, digest_of
from regraft.store.disk import Disk
from regraft.store.tables import parquet_of_arrow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# N images, D features
FOLDER = "features"
NAME_DIGITS = 16
"""Hex digits of its digest that a part's name has."""
log = logging.getLogger("regraft")


@dataclass(frozen=True)
class Part:
    """The features of some images, as one file."""

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

    def read(self) -> "tuple[list[Digest], NDArray[np.float32]]":
        """Return N digests and their features, (N, D) float32.

        Raises CorruptError where the bytes are not those that the name says, FileNotFoundError where the part is gone.
        """
        import numpy as np
        import pyarrow.parquet as pq

        data = self.disk.read(self.path)
        if _name_of(data) != self.name:
            raise CorruptError(f"{self.path} is damaged: its bytes are not what its name says")
        table = pq.read_table(io.BytesIO(data))
        column = table.column("features").combine_chunks()
        rows = np.asarray(column.flatten(), dtype=np.float32).reshape(len(table), -1)
        return table.column("digest").to_pylist(), rows

    def digests(self) -> set[Digest]:
        """Return whose features it holds, without reading those."""
        import pyarrow.parquet as pq

        table = pq.read_table(io.BytesIO(self.disk.read(self.path)), columns=["digest"])
        return set(table.column("digest").to_pylist())

    def delete(self) -> None:
        """Remove it, if it is there."""
        self.disk.delete(self.path)


class Features:
    """The features in one store, of any number of backbones. Safe to use from many processes and threads."""

    def __init__(self, disk: Disk):
        self._disk = disk

    def __iter__(self) -> Iterator[Part]:
        """Yield every part of every backbone."""
        for fingerprint in self._disk.names(FOLDER):
            yield from self.parts(fingerprint)

    def parts(self, fingerprint: str) -> Iterator[Part]:
        """Yield a backbone's parts."""
        for name in self._disk.names(f"{FOLDER}/{fingerprint}"):
            yield Part(self._disk, fingerprint, name)

    def read(self, fingerprint: str, digests: Sequence[Digest]) -> "dict[Digest, NDArray[np.float32]]":
        """Return the features that are known for some digests: {digest: (D,) float32}. Damaged ones are not known."""
        wanted = set(digests)
        features: dict[Digest, NDArray[np.float32]] = {}
        for part in self.parts(fingerprint):
            try:
                names, rows = part.read()
            except FileNotFoundError:  # pruned just now
                continue
            except CorruptError as error:
                log.warning("%s; what it held is computed again, and `regraft verify --repair` removes it.", error)
                continue
            features |= {digest: row for digest, row in zip(names, rows, strict=True) if digest in wanted}
        return features

    def append(self, fingerprint: str, digests: Sequence[Digest], rows: "NDArray[np.float32]") -> None:
        """Add the features, (N, D) float32, of N digests."""
        import pyarrow as pa

        values = pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), rows.shape[1])
        data = parquet_of_arrow(pa.table({"digest": list(digests), "features": values}))
        self._disk.write(Part(self._disk, fingerprint, _name_of(data)).path, data)


def _name_of(data: bytes) -> str:
    """The name of a part with these bytes."""
    return f"{digest_of(data)[:NAME_DIGITS]}.parquet"
