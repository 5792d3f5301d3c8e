"""One part of a backbone's features: a .npy file of records, so that any program reads a row without the others.

A record is a digest, the image's features, and the CRC-32 of both, so that a row is checked by itself. Parts are named
by the digest of their bytes. Earlier Regrafts wrote Parquet, which `Features` rewrites when it first meets it.
"""

import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from regraft.errors import CorruptError
from regraft.identity import DIGEST_DIGITS, Digest
from regraft.store.backbone_files import BackboneFile, short_name
from regraft.store.root import FEATURES
from regraft.store.scratch import Scratch
from regraft.store.tables import arrow_of_parquet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# N images, D features, K of the images
Records: TypeAlias = "np.ndarray[tuple[int], np.dtype[Any]]"
"""(K,) records with the fields FIELDS."""
SUFFIX = ".npy"
FIELDS = ("digest", "features", "crc")
DIGEST_DTYPE = f"S{DIGEST_DIGITS}"
CRC_BYTES = 4


@dataclass(frozen=True)
class Part(BackboneFile):
    """The features of some images, as one file."""

    folder = FEATURES

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

    def opened(self, scratch: Scratch) -> "RecordFile":
        """Return the part as a file of this machine, of which single records are read.

        Where the store is remote, the part is copied into `scratch`, once. Raises CorruptError where it holds no
        records, FileNotFoundError where it is gone.
        """
        import numpy as np

        file = scratch.known_copy_of(self.path) or self.disk.local_copy(self.path, scratch)
        try:
            records = np.load(file, "r")
        except (ValueError, EOFError) as error:
            raise CorruptError(f"{self.path} is damaged: {error}") from error
        if records.dtype.names != FIELDS:
            raise CorruptError(f"{self.path} is damaged: it has the fields {records.dtype.names}")
        return RecordFile(file, records.dtype, records.offset)


@dataclass(frozen=True)
class RecordFile:
    """A part on this machine. A thousand of them are read in turns, too many to keep open or mapped into memory."""

    path: Path
    """Where it lies."""
    dtype: "np.dtype[Any]"
    """Of a record."""
    start: int
    """Bytes before the first record."""

    @property
    def width(self) -> int:
        """The number of features of an image."""
        return int(self.dtype["features"].shape[0])

    def read(self, rows: "NDArray[np.integer]") -> "Records":
        """Return the records of K rows, (K,), which ascend; they are not checked.

        Raises CorruptError where there is no such row, FileNotFoundError where the file is gone.
        """
        import numpy as np

        records: Records = np.empty(len(rows), self.dtype)
        data, size = records.view(np.uint8).data, self.dtype.itemsize
        starts = np.flatnonzero(np.diff(rows, prepend=-2) != 1).tolist()
        with self.path.open("rb", buffering=0) as file:
            for start, end in zip(starts, [*starts[1:], len(rows)], strict=False):
                file.seek(self.start + size * int(rows[start]))
                if file.readinto(data[start * size : end * size]) < (end - start) * size:
                    raise CorruptError(f"{self.path} is damaged: it lacks row {rows[end - 1]}")
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


def are_whole(records: "Records", digests: "NDArray[np.bytes_]") -> bool:
    """Return whether N records hold these N digests, and the features that were stored with them."""
    import numpy as np

    is_same = records["digest"] == digests
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
