"""Where the features of a digest lie: in which part, in which row. A shortcut: the parts say the same themselves."""

import contextlib
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from regraft.identity import Digest
from regraft.store.backbone_files import BackboneFile, short_name
from regraft.store.disk import Disk
from regraft.store.feature_parts import FOLDER
from regraft.store.tables import arrow_of_parquet, parquet_of_arrow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SUFFIX = ".index"
"""How the name of an index ends, which begins as that of a part does."""


class IndexFile(BackboneFile):
    """The index of one backbone's parts, as a file."""

    folder = FOLDER


class FeatureIndex:
    """The rows of a backbone's parts, in no order. A digest may have several; the first counts."""

    def __init__(self) -> None:
        import numpy as np
        import pyarrow as pa

        self.parts: list[str] = []
        """Names of parts; a part's number is its place here."""
        self.part: NDArray[np.int32] = np.empty(0, np.int32)
        """The number of each row's part."""
        self.row: NDArray[np.int32] = np.empty(0, np.int32)
        """The place of each row in its part."""
        self.is_checked: NDArray[np.bool_] = np.empty(0, np.bool_)
        """Whether this process knows that the row is whole."""
        self.unsaved = 0
        """Rows that came or went since the index was read or written."""
        self._digests = pa.chunked_array([], pa.string())

    def __len__(self) -> int:
        return len(self.part)

    def positions(self, digests: Sequence[Digest]) -> "NDArray[np.int64]":
        """Return the position in the index of each of N digests, (N,); -1 where it is not known."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        places = pc.index_in(pa.array(digests, pa.string()), value_set=self._digests.combine_chunks())
        return np.asarray(places.fill_null(-1), dtype=np.int64)

    def digests(self, positions: "NDArray[np.int64]") -> list[Digest]:
        """Return the digests at some positions."""
        return self._digests.take(positions).to_pylist()

    def parts_with(self, digests: Collection[Digest]) -> set[str]:
        """Return the names of the parts that have a row of some digest."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        is_wanted = pc.is_in(self._digests.combine_chunks(), value_set=pa.array(list(digests), pa.string()))
        return {self.parts[number] for number in np.unique(self.part[np.asarray(is_wanted)]).tolist()}

    def add(self, part: str, digests: Sequence[Digest]) -> None:
        """Add a part, which is whole, with a row for each digest."""
        import numpy as np
        import pyarrow as pa

        count = len(digests)
        self._digests = pa.chunked_array([*self._digests.chunks, pa.array(digests, pa.string())])
        self.part = np.concatenate([self.part, np.full(count, len(self.parts), np.int32)])
        self.row = np.concatenate([self.row, np.arange(count, dtype=np.int32)])
        self.is_checked = np.concatenate([self.is_checked, np.ones(count, np.bool_)])
        self.parts.append(part)
        self.unsaved += count

    def keep(self, parts: Collection[str]) -> None:
        """Forget all parts but these."""
        import numpy as np

        stays = np.array([name in parts for name in self.parts], np.bool_)
        if stays.all():
            return
        number = np.cumsum(stays, dtype=np.int32) - 1
        rows = stays[self.part]
        self.unsaved += int((~rows).sum())
        self._digests = self._digests.filter(rows)
        self.part, self.row, self.is_checked = number[self.part[rows]], self.row[rows], self.is_checked[rows]
        self.parts = [name for name in self.parts if name in parts]

    def write(self, disk: Disk, fingerprint: str) -> None:
        """Keep the index in the store, in place of the one before."""
        import pyarrow as pa

        names = pa.DictionaryArray.from_arrays(pa.array(self.part), pa.array(self.parts, pa.string()))
        data = parquet_of_arrow(pa.table({"digest": self._digests, "part": names, "row": self.row}))
        folder = f"{FOLDER}/{fingerprint}"
        before = [name for name in disk.names(folder) if name.endswith(SUFFIX)]
        name = short_name(data) + SUFFIX
        disk.write(f"{folder}/{name}", data)
        for old in set(before) - {name}:
            disk.delete(f"{folder}/{old}")
        self.unsaved = 0

    @classmethod
    def read(cls, disk: Disk, fingerprint: str, names: Collection[str]) -> "FeatureIndex":
        """Return the index among the names of a backbone's files; an empty one where there is none that is whole."""
        import numpy as np

        index = cls()
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # another process has just replaced it
                data = disk.read(f"{FOLDER}/{fingerprint}/{name}")
                if name == short_name(data) + SUFFIX:
                    table = arrow_of_parquet(data)
                    part = table.column("part").combine_chunks().dictionary_encode()
                    index.parts, index.part = part.dictionary.to_pylist(), np.asarray(part.indices, np.int32)
                    index.row, index._digests = np.asarray(table.column("row"), np.int32), table.column("digest")
                    index.is_checked = np.zeros(len(table), np.bool_)
                    break
        return index
