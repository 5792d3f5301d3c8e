"""Where the features of a digest lie: in which part, in which row. A shortcut: the parts say the same themselves."""

import contextlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from regraft.identity import Digest
from regraft.store.backbone_files import BackboneFile, short_name
from regraft.store.disk import Disk
from regraft.store.feature_parts import DIGEST_DTYPE
from regraft.store.root import FEATURES
from regraft.store.tables import arrow_of_parquet, parquet_of_arrow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# N rows, K digests that are looked up
SUFFIX = ".index"
"""How the name of an index ends, which begins as that of a part does."""


class IndexFile(BackboneFile):
    """The index of one backbone's parts, as a file."""

    folder = FEATURES


@dataclass
class IndexRows:
    """Where the features of N digests lie."""

    digest: "NDArray[np.bytes_]"
    """(N,)"""
    part: "NDArray[np.int32]"
    """(N,) the number of each row's part, -1 where nobody knows of one."""
    row: "NDArray[np.int32]"
    """(N,) the place of each row in its part."""
    is_checked: "NDArray[np.bool_]"
    """(N,) whether this process knows that the row is whole."""

    def __len__(self) -> int:
        return len(self.digest)

    @classmethod
    def unknown(cls, digests: "Sequence[Digest] | NDArray[np.bytes_]") -> "IndexRows":
        """Return rows of which nobody knows a part yet."""
        import numpy as np

        digest = np.asarray(digests, DIGEST_DTYPE)
        nowhere, is_checked = np.full(len(digest), -1, np.int32), np.zeros(len(digest), np.bool_)
        return cls(digest, nowhere, nowhere.copy(), is_checked)

    def take(self, positions: "NDArray[np.integer] | NDArray[np.bool_]") -> "IndexRows":
        """Return the rows at some positions."""
        return IndexRows(*(column[positions] for column in vars(self).values()))

    def put(self, positions: "NDArray[np.integer] | NDArray[np.bool_]", rows: "IndexRows") -> None:
        """Replace the rows at some positions."""
        for column, values in zip(vars(self).values(), vars(rows).values(), strict=True):
            column[positions] = values

    def in_order(self) -> "IndexRows":
        """Return them by digest; rows of one digest stay in their order. Quick where they are in order by stretches."""
        import numpy as np

        return self.take(np.argsort(self.digest, kind="stable"))

    def positions_of(self, digests: "NDArray[np.bytes_]") -> "NDArray[np.int64]":
        """Return where the first row of each of K digests is, (K,), in rows that are in order; -1 where there is none.

        Quick where the digests are in order too.
        """
        import numpy as np

        positions = np.searchsorted(self.digest, digests)
        positions[positions == len(self)] = 0
        return np.where(self.digest[positions] == digests, positions, -1) if len(self) else positions - 1


class FeatureIndex:
    """The rows of a backbone's parts. A digest may have several; the first counts.

    They lie in few runs, each in order of the digests. A run is joined to the one before where that is less than twice
    as long, so that adding N rows, few at a time, costs N log N: https://doi.org/10.1016/0196-6774(80)90015-2.
    """

    def __init__(self) -> None:
        self.parts: list[str] = []
        """Names of parts; a part's number is its place here."""
        self.unsaved = 0
        """Rows that came or went since the index was read or written."""
        self._runs: list[IndexRows] = []

    def __len__(self) -> int:
        return sum(map(len, self._runs))

    def rows(self, digests: Sequence[Digest]) -> IndexRows:
        """Return where the features of K digests lie, in their order."""
        import numpy as np

        result = IndexRows.unknown(digests)
        order = np.argsort(result.digest, kind="stable")
        in_order = result.take(order)
        for run in reversed(self._runs):
            positions = run.positions_of(in_order.digest)
            in_order.put(positions >= 0, run.take(positions[positions >= 0]))
        result.put(order, in_order)
        return result

    def mark_checked(self, rows: IndexRows) -> None:
        """Note that some rows are whole, as far as they are still here."""
        for run in self._runs:
            positions = run.positions_of(rows.digest)
            known, same = positions[positions >= 0], rows.take(positions >= 0)
            is_same = (run.part[known] == same.part) & (run.row[known] == same.row)
            run.is_checked[known[is_same]] = True

    def parts_with(self, digests: Collection[Digest]) -> set[str]:
        """Return the names of the parts that have a row of some digest."""
        import numpy as np

        wanted = IndexRows.unknown(list(digests)).in_order()
        numbers = [np.unique(run.part[wanted.positions_of(run.digest) >= 0]) for run in self._runs]
        return {self.parts[number] for of_run in numbers for number in of_run.tolist()}

    def add(self, part: str, digests: Sequence[Digest]) -> None:
        """Add a part, which is whole, with a row for each digest."""
        import numpy as np

        rows = IndexRows.unknown(digests)
        rows.part[:], rows.row, rows.is_checked[:] = len(self.parts), np.arange(len(rows), dtype=np.int32), True
        self._runs.append(rows.in_order())
        self.parts.append(part)
        self.unsaved += len(rows)
        while len(self._runs) > 1 and len(self._runs[-2]) < 2 * len(self._runs[-1]):
            self._join(2)

    def keep(self, parts: Collection[str]) -> None:
        """Forget all parts but these."""
        import numpy as np

        stays = np.array([name in parts for name in self.parts], np.bool_)
        if stays.all():
            return
        number, count = np.cumsum(stays, dtype=np.int32) - 1, len(self)
        self._runs = [run.take(stays[run.part]) for run in self._runs]
        for run in self._runs:
            run.part = number[run.part]
        self.unsaved += count - len(self)
        self.parts = [name for name in self.parts if name in parts]

    def write(self, disk: Disk, fingerprint: str) -> None:
        """Keep the index in the store, in place of the one before."""
        import pyarrow as pa

        self._join(len(self._runs))
        rows = self._runs[0] if self._runs else IndexRows.unknown([])
        names = pa.DictionaryArray.from_arrays(pa.array(rows.part), pa.array(self.parts, pa.string()))
        digests = pa.array(rows.digest, pa.binary()).cast(pa.string())
        data = parquet_of_arrow(pa.table({"digest": digests, "part": names, "row": rows.row}))
        folder = f"{FEATURES}/{fingerprint}"
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
                data = disk.read(f"{FEATURES}/{fingerprint}/{name}")
                if name == short_name(data) + SUFFIX:
                    table = arrow_of_parquet(data)
                    part = table.column("part").combine_chunks().dictionary_encode()
                    index.parts = part.dictionary.to_pylist()
                    rows = IndexRows.unknown(table.column("digest").to_pylist())
                    rows.part, rows.row = np.asarray(part.indices, np.int32), np.asarray(table.column("row"), np.int32)
                    index._runs = [rows.in_order()]
                    break
        return index

    def _join(self, count: int) -> None:
        """Make the last `count` runs one."""
        import numpy as np

        last = self._runs[len(self._runs) - count :]
        if len(last) > 1:
            columns = zip(*(vars(run).values() for run in last), strict=True)
            self._runs[-count:] = [IndexRows(*map(np.concatenate, columns)).in_order()]
