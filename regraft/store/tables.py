"""Tables as Parquet: what the store remembers of links, with the columns of a schema.

pandas and PyArrow are imported where a table is read or written: most commands only need a version's name.
"""

import contextlib
import functools
import io
import logging
import threading
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from regraft.errors import CorruptError
from regraft.store.disk import Disk
from regraft.store.seal import check_seal, sealed, unsealed_metadata

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import BinaryIO

    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

ROWS_PER_GROUP = 2**16
"""Rows that a reader of a Parquet file has to hold at a time."""
ROWS_PER_SORTED_GROUP = 2**13
"""The same, of a table that is sorted so that few rows are found in it: there each group is read for one row."""
log = logging.getLogger("regraft")


class Tables:
    """The tables of one store that change from run to run."""

    def __init__(self, disk: Disk):
        self._disk = disk

    def read(self, path: str, schema: "pa.Schema", added: "Collection[str]" = ()) -> "pd.DataFrame":
        """Return a table with the columns of `schema`; an empty one where there is none. Raises CorruptError.

        `added`: columns that were added to the schema later. In a table that lacks them they are null.
        """
        try:
            table = self.read_arrow(path)
        except FileNotFoundError:
            return no_rows(schema)
        with self._readable(path):
            return _with_schema(table, schema, added).to_pandas(use_threads=False)

    def read_if_sound(self, path: str, schema: "pa.Schema", added: "Collection[str]" = ()) -> "pd.DataFrame":
        """Return a table as `read` does; an empty one, with a warning, where it is damaged. For who can begin anew."""
        try:
            return self.read(path, schema, added)
        except CorruptError as error:
            log.warning("%s It counts as if nothing had been remembered there.", error)
            return no_rows(schema)

    def damage(self, path: str, schema: "pa.Schema | None" = None, added: "Collection[str]" = ()) -> str:
        """Return what is wrong with a table that is to be read with a schema, if one is known; "" where nothing is."""
        try:
            data = self._disk.read(path)
            check_seal(data, path)
            table = arrow_of_parquet(data)
            table.validate(full=True)
            if schema is not None:
                _with_schema(table, schema, added)
        except FileNotFoundError:
            return ""
        except Exception as error:  # Arrow raises anything on a damaged file
            return str(error)
        return ""

    def write(self, path: str, table: "pd.DataFrame", schema: "pa.Schema") -> None:
        """Replace a table, once the blobs that it names survive a crash."""
        import pyarrow as pa

        self.write_arrow(path, pa.Table.from_pandas(table, schema=schema, preserve_index=False))

    def read_arrow(self, path: str) -> "pa.Table":
        """Return a table with whatever columns it has. Raises CorruptError, and FileNotFoundError where there is none.

        For who looks through all tables, whatever they are.
        """
        data = self._disk.read(path)
        with self._readable(path):
            check_seal(data, path)
            return arrow_of_parquet(data)

    def write_arrow(self, path: str, table: "pa.Table") -> None:
        """Replace a table, as `write` does."""
        data = parquet_of_arrow(table, unsealed_metadata(path))
        self._disk.settle()
        self._disk.write(path, sealed(data))

    @contextlib.contextmanager
    def _readable(self, path: str) -> "Iterator[None]":
        """Raise CorruptError, naming the table, where it cannot be read."""
        try:
            yield
        except Exception as error:  # Arrow raises anything on a damaged file
            raise CorruptError(
                f"{path} in the store {self._disk.address} is damaged ({error}); `regraft verify --repair` mends it."
            ) from error


class OpenTable:
    """A Parquet file, read a group of rows at a time. Safe to use from many threads.

    The digest of each part that is read is checked. Raises CorruptError, when it is opened or read, where the file is
    damaged.
    """

    def __init__(self, file: "Path | BinaryIO"):
        import pyarrow.parquet as pq

        with self._readable():
            self._file = pq.ParquetFile(file, memory_map=True, page_checksum_verification=True)
        sizes = [self._file.metadata.row_group(group).num_rows for group in range(self._file.num_row_groups)]
        self._ends = list(accumulate(sizes))
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return int(self._file.metadata.num_rows)

    @property
    def columns(self) -> "list[str]":
        """The names of its columns."""
        return list(self._file.schema_arrow.names)

    def groups(self, columns: "Sequence[str]") -> "Iterator[tuple[int, pa.Table]]":
        """Yield some columns of each group of rows, and the number of its first row."""
        for group in range(len(self._ends)):
            yield self._start(group), self._read(group, columns)

    def groups_with(self, column: str, texts: "Collection[str]") -> "Iterator[tuple[int, pa.Table]]":
        """Yield a column as `groups` does, of those groups that may have one of some texts there."""
        metadata = self._file.metadata
        place = [metadata.schema.column(number).path for number in range(metadata.num_columns)].index(column)
        for group in range(len(self._ends)):
            if _may_hold(metadata.row_group(group).column(place), texts):
                yield self._start(group), self._read(group, [column])

    def rows(self, rows: "NDArray[np.int64]", columns: "Sequence[str]") -> "pd.DataFrame":
        """Return some columns of some rows, (K,), numbered from 0 and ascending; a column that is not there is null."""
        import pyarrow as pa

        parts = []
        for group, end in enumerate(self._ends):
            inside = rows[(rows >= self._start(group)) & (rows < end)] - self._start(group)
            if len(inside):
                parts.append(self._read(group, columns).take(pa.array(inside)))
        table = pa.concat_tables(parts) if parts else self._file.schema_arrow.empty_table()
        return table.to_pandas(use_threads=False).reindex(columns=list(columns))

    def _start(self, group: int) -> int:
        return self._ends[group - 1] if group else 0

    def _read(self, group: int, columns: "Sequence[str]") -> "pa.Table":
        present = [column for column in columns if column in self.columns]
        with self._readable(), self._lock:
            return self._file.read_row_group(group, present, use_threads=False)

    @staticmethod
    @contextlib.contextmanager
    def _readable() -> "Iterator[None]":
        try:
            yield
        except Exception as error:  # Arrow raises anything on a damaged file
            raise CorruptError(f"it is no Parquet file that can be read ({error})") from error


def _with_schema(table: "pa.Table", schema: "pa.Schema", added: "Collection[str]") -> "pa.Table":
    """A table with the columns of a schema; those that were added to it later are null where it lacks them."""
    import pyarrow as pa

    for name in set(added) - set(table.column_names):
        table = table.append_column(schema.field(name), pa.nulls(len(table), schema.field(name).type))
    return table.select(schema.names).cast(schema)


def no_rows(schema: "pa.Schema") -> "pd.DataFrame":
    """Return a table with the columns of a schema and no row."""
    return _no_rows(schema).copy()


@functools.cache
def _no_rows(schema: "pa.Schema") -> "pd.DataFrame":
    """That table, made once: it takes Arrow a millisecond, and a store's shards are mostly empty."""
    return schema.empty_table().to_pandas()


def parquet(table: "pd.DataFrame", schema: "pa.Schema | None" = None, sort_by: str = "") -> bytes:
    """Return a table, without its index, as a Parquet file, its columns cast to `schema` where one is given.

    Of a file that is sorted by a column, little is read to find the rows with one value there, see `row_tables`.
    """
    import pyarrow as pa

    rows = pa.Table.from_pandas(table, schema=schema, preserve_index=False)
    if not sort_by:
        return parquet_of_arrow(rows)
    return parquet_of_arrow(rows.sort_by(sort_by), rows_per_group=ROWS_PER_SORTED_GROUP)


def parquet_of_arrow(
    table: "pa.Table", metadata: "Mapping[str, str] | None" = None, rows_per_group: int = ROWS_PER_GROUP
) -> bytes:
    """Return an Arrow table as a Parquet file, with this key-value metadata."""
    import pyarrow.parquet as pq

    file = io.BytesIO()
    plain = table.replace_schema_metadata(None)
    with pq.ParquetWriter(file, plain.schema, compression="zstd", write_page_checksum=True) as writer:
        writer.write_table(plain, rows_per_group)
        if metadata:
            writer.add_key_value_metadata(dict(metadata))
    return file.getvalue()


def is_in(column: "pd.Series[str]", values: "Iterable[str]") -> "pd.Series[bool]":
    """Return which texts of a column are among some values. pandas' own `isin` looks at each value in Python."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pa.array(column, pa.large_string())
    wanted = pa.array(values if isinstance(values, pd.Series) else list(values), pa.large_string())
    return pd.Series(pc.is_in(texts, value_set=wanted).to_numpy(zero_copy_only=False), column.index)


def counts_in(column: "pd.Series[str]") -> dict[str, int]:
    """Return how often each text stands in a column, the most frequent first."""
    return {str(text): int(count) for text, count in column.value_counts().items()}


def stacked(*tables: "pd.DataFrame") -> "pd.DataFrame":
    """Return tables one below the other, its rows numbered from 0; empty ones say nothing of the columns' types."""
    import pandas as pd

    full = [table for table in tables if len(table)]
    return pd.concat(full, ignore_index=True) if full else tables[0]


def from_parquet(data: bytes) -> "pd.DataFrame":
    """Return the table in a Parquet file, its rows numbered from 0. Raises CorruptError where it is none."""
    try:
        return arrow_of_parquet(data).to_pandas(use_threads=False)
    except Exception as error:  # Arrow raises anything on a damaged file
        raise CorruptError(f"it is no Parquet file that can be read ({error})") from error


def _may_hold(chunk: Any, texts: "Collection[str]") -> bool:
    """Whether a column has one of some texts in a row group, as far as the file's footer tells."""
    statistics = chunk.statistics
    if statistics is None or not statistics.has_min_max:
        return True
    return any(statistics.min <= text <= statistics.max for text in texts)


def arrow_of_parquet(data: bytes, columns: "list[str] | None" = None) -> "pa.Table":
    """Return the table in a Parquet file, or some columns of it. Raises whatever Arrow raises where it is none.

    Read by this thread alone, from memory that is Arrow's: a thread of Arrow that still holds an object of Python's
    when the process ends aborts it, https://github.com/apache/arrow/issues/36389.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    return pq.ParquetFile(pa.BufferReader(data)).read(columns, use_threads=False)
