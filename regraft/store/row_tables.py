"""Large tables of which a few rows are wanted, and what finds these rows by one column."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

# K rows
Fits = Callable[[pa.ChunkedArray], pa.ChunkedArray]
"""Says of the values of a column which fit: booleans, of which null is false."""


class RowTable(Protocol):
    """A table of which a few rows are wanted: a Parquet file, `tables.OpenTable`, or one in memory."""

    @property
    def columns(self) -> list[str]:
        """The names of its columns."""

    def groups(self, columns: Sequence[str]) -> Iterator[tuple[int, pa.Table]]:
        """Yield those of some columns that there are, of each group of rows, with the number of its first row."""

    def groups_with(self, column: str, texts: Collection[str]) -> Iterator[tuple[int, pa.Table]]:
        """Yield a column as `groups` does, of those groups that may have one of some texts there."""

    def rows(self, rows: NDArray[np.int64], columns: Sequence[str]) -> pd.DataFrame:
        """Return some columns of some rows, (K,), numbered from 0 and ascending; a column that is not there is null."""


class TableInMemory:
    """A table in memory as a `RowTable` of one group."""

    def __init__(self, table: pd.DataFrame):
        self._table = table

    @property
    def columns(self) -> list[str]:
        """The names of its columns."""
        return [str(name) for name in self._table.columns]

    def groups(self, columns: Sequence[str]) -> Iterator[tuple[int, pa.Table]]:
        """Yield some columns of all rows, and 0."""
        present = [column for column in columns if column in self.columns]
        yield 0, pa.Table.from_pandas(self._table[present], preserve_index=False)

    def groups_with(self, column: str, texts: Collection[str]) -> Iterator[tuple[int, pa.Table]]:
        """Yield a column of all rows, and 0."""
        return self.groups([column])

    def rows(self, rows: NDArray[np.int64], columns: Sequence[str]) -> pd.DataFrame:
        """Return some columns of some rows, (K,), numbered from 0 and ascending; a column that is not there is null."""
        return self._table.iloc[rows].reindex(columns=list(columns)).reset_index(drop=True)


def rows_that(table: RowTable, column: str, fits: Fits, columns: Sequence[str]) -> pd.DataFrame:
    """Return some columns of those rows whose value in a column fits; none where the table lacks that column."""
    return _rows(table, table.groups([column]) if column in table.columns else (), column, fits, columns)


def rows_among(table: RowTable, column: str, texts: Collection[str], columns: Sequence[str]) -> pd.DataFrame:
    """Return some columns of those rows whose value in a column is among some texts; see `rows_that`.

    Of a Parquet file that is sorted by that column little is read.
    """

    def fits(values: pa.ChunkedArray) -> pa.ChunkedArray:
        return pc.is_in(values, value_set=pa.array(sorted(texts), values.type))

    return _rows(table, table.groups_with(column, texts) if column in table.columns else (), column, fits, columns)


def _rows(
    table: RowTable, groups: Iterable[tuple[int, pa.Table]], column: str, fits: Fits, columns: Sequence[str]
) -> pd.DataFrame:
    """Some columns of the rows that fit, which lie in some groups."""
    numbers = [np.empty(0, np.int64)]
    for start, group in groups:
        numbers.append(pc.indices_nonzero(fits(group[column])).to_numpy().astype(np.int64) + start)
    return table.rows(np.concatenate(numbers), columns)
