"""One part of a backbone's features: a .npy file of records, so that any program reads a row without the others.

A record is a digest, the image's features, and the CRC-32 of both, so that a row is checked by itself. Parts are named
by the digest of their bytes. Earlier Regrafts wrote Parquet, which `Features` rewrites when it first meets it.
"""

import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from regraft.errors import CorruptError
from regraft.identity import Digest
from regraft.store.backbone_files import BackboneFile, short_name
from regraft.store.scratch import Scratch
from regraft.store.tables import arrow_of_parquet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# N images, D features
Records: TypeAlias = "np.ndarray[tuple[int], np.dtype[Any]]"
"""(N,) records with the fields FIELDS."""
FOLDER = "features"
SUFFIX = ".npy"
FIELDS = ("digest", "features", "crc")
DIGEST_DTYPE = "S64"
CRC_BYTES = 4


@dataclass(frozen=True)
class Part(BackboneFile):
    """The features of some images, as one file."""

    folder = FOLDER

    @property
    def is_old(self) -> bool:
        """Whether it is a Parquet file, which has to be read whole."""
        return not self.name.endswith(SUFFIX)

    def read(self) -> "tuple[list[Digest], NDArray[np.float32]]":
        """Return N digests and their features, (N, D) float32.

        Raises CorruptError where the bytes are not those that the name says, FileNotFoundError where the part is gone.
        """
        import numpy as np

        data = self.read_bytes()
        if self.is_old:
            return _from_parquet(data)
        records = np.load(io.BytesIO(data))
        return [Digest(digest.decode()) for digest in records["digest"].tolist()], records["features"]

    def digests(self) -> set[Digest]:
        """Return whose features it holds. Raises as `read` does."""
        return set(self.read()[0])

    def records(self, scratch: Scratch) -> "Records":
        """Return the records, mapped into memory: what is not looked at is not read, and they are not checked.

        Where the store is remote, the part is copied into `scratch`, once. Raises CorruptError where it holds no
        records, FileNotFoundError where it is gone.
        """
        import numpy as np

        try:
            records: Records = np.load(
                scratch.known_copy_of(self.path) or self.disk.local_copy(self.path, scratch), "r"
            )
        except (ValueError, EOFError) as error:
            raise CorruptError(f"{self.path} is damaged: {error}") from error
        if records.dtype.names != FIELDS:
            raise CorruptError(f"{self.path} is damaged: it has the fields {records.dtype.names}")
        return records


def part_of(digests: Sequence[Digest], rows: "NDArray[np.float32]") -> tuple[str, bytes]:
    """Return a part of the features, (N, D), of N digests: its name and its bytes."""
    import numpy as np

    formats = (DIGEST_DTYPE, ("<f4", rows.shape[1:]), "<u4")
    records: Records = np.empty(len(rows), dtype=list(zip(FIELDS, formats, strict=True)))
    records["digest"], records["features"] = np.array(digests, dtype=DIGEST_DTYPE), rows
    records["crc"] = _checksums(records)
    file = io.BytesIO()
    np.save(file, records)
    data = file.getvalue()
    return short_name(data) + SUFFIX, data


def are_whole(records: "Records", digests: Sequence[Digest]) -> bool:
    """Return whether N records hold these N digests, and the features that were stored with them."""
    import numpy as np

    is_same = records["digest"] == np.array(digests, dtype=DIGEST_DTYPE)
    return bool(is_same.all() and np.array_equal(records["crc"], _checksums(records)))


def _checksums(records: "Records") -> "list[int]":
    """The CRC-32 of each record, but for its last field."""
    size, data = records.dtype.itemsize, memoryview(records.tobytes())
    return [zlib.crc32(data[start : start + size - CRC_BYTES]) for start in range(0, len(data), size)]


def _from_parquet(data: bytes) -> "tuple[list[Digest], NDArray[np.float32]]":
    """The digests and features in a part of an earlier Regraft."""
    import numpy as np

    table = arrow_of_parquet(data)
    column = table.column("features").combine_chunks()
    rows = np.asarray(column.flatten(), dtype=np.float32).reshape(len(table), -1)
    return table.column("digest").to_pylist(), rows
