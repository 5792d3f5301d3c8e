"""The columns that a list has besides URLs and lengths, such as a licence: what they are called, and their values.

A column is text, whole numbers, numbers or booleans. Whatever else a list may hold becomes text, nested values as JSON.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from regraft.links.list_text import cleaned, decoded

RESERVED = frozenset(
    {
        *("digest", "category", "url", "urls", "final_url", "width", "height", "phash", "cluster", "split", "label"),
        *("checked_at", "first_seen", "doubtful", "image", "file_name"),
    }
)
"""What manifests and exports call columns of their own."""
PREFIX = "list_"
"""Goes before the name of a column that is called as one of those."""
MAX_COLUMNS = 256
"""Of a list; those after them are left out."""
MAX_BYTES = 1_000_000_000
"""Of a list's columns in memory; where they take more, all are left out."""
NULL_BYTES = 4
"""What a text that is not there takes, at least."""
KINDS = (pa.bool_(), pa.int64(), pa.float64(), pa.string())
"""What a column may be."""


class OtherColumns:
    """The columns of one list, put together from blocks of its rows."""

    def __init__(self) -> None:
        self.are_too_many = False
        """Whether they take more than MAX_BYTES, so that none is kept."""
        self._blocks: list[pa.Table] = []
        self._names: set[str] = set()
        self._bytes = 0
        self._rows = 0

    def put(self, urls: pa.Array, columns: Mapping[str, pa.Array]) -> None:
        """Add a block: its URLs, and its columns by name; those after the first MAX_COLUMNS names are left out."""
        for name in columns:
            if len(self._names) < MAX_COLUMNS:
                self._names.add(name.casefold())
        kept = {name: column for name, column in columns.items() if name.casefold() in self._names}
        self._rows += len(urls)
        self._bytes += sum(column.nbytes for column in kept.values())
        if self._bytes + NULL_BYTES * self._rows * len(self._names) > MAX_BYTES and not self.are_too_many:
            self.are_too_many = True
            self._blocks = [block.select(["url"]) for block in self._blocks]
        self._blocks.append(pa.table({"url": urls, **({} if self.are_too_many else kept)}))

    def table(self) -> pa.Table:
        """Return them as one table: url, and each column that is kept."""
        return stacked(self._blocks) if self._blocks else pa.table({"url": pa.array([], pa.string())})


def column_names(names: Sequence[str]) -> list[str]:
    """Return what columns are called in a manifest: as in their list, unless another column there is called so.

    Names are the same where only case and surrounding spaces differ.
    """
    taken = set(RESERVED)
    result = []
    for number, name in enumerate(map(cleaned, names), 1):
        name = name or f"column_{number}"
        while name.casefold() in taken:
            name = PREFIX + name
        taken.add(name.casefold())
        result.append(name)
    return result


def cells_to_column(cells: Sequence[str]) -> pa.Array:
    """Return the column of a table that is text, without the spaces around its cells; null where they are empty."""
    column = pc.utf8_trim_whitespace(pa.array(cells, pa.string()))
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)


def values_to_column(values: Sequence[object]) -> pa.Array:
    """Return the column of values as JSON and Python have them; None, NaN and infinities are null."""
    try:
        column = pa.array(values, from_pandas=True)
    except (pa.ArrowException, OverflowError):
        column = pa.nulls(len(values), pa.list_(pa.null()))
    return arrow_to_column(column) if column.type in (*KINDS, pa.null()) else _texts(values)


def arrow_to_column(column: pa.Array) -> pa.Array:
    """Return the column of an Arrow array; NaN and infinities are null."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return arrow_to_column(column.dictionary).take(column.indices)
    if pa.types.is_floating(kind):
        numbers = column.cast(pa.float64())
        return pc.if_else(pc.is_finite(numbers), numbers, pa.scalar(None, pa.float64()))
    if pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return column
    if pa.types.is_integer(kind) and kind != pa.uint64():
        return column.cast(pa.int64())
    if _is_text(kind):
        return _sound_text(column)
    return _texts(python_values(column))


def python_values(column: pa.Array) -> list[Any]:
    """Return an Arrow array's values as Python has them; None where it has none, as for a day in the year 10000."""
    if pa.types.is_dictionary(column.type):
        values = python_values(column.dictionary)
        return [None if index is None else values[index] for index in column.indices.to_pylist()]
    if _is_text(column.type):
        return _sound_text(column).to_pylist()
    try:
        return column.to_pylist()
    except Exception:  # Python's dates, time zones and dictionaries each raise their own
        return [_python_value(value) for value in column]


def _python_value(value: pa.Scalar) -> Any:
    try:
        return value.as_py()
    except Exception:  # as above
        return None


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _sound_text(column: pa.Array) -> pa.Array:
    """A column of text; what is no UTF-8 is read as the lines of a list are."""
    try:
        column.validate(full=True)
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        values = column.cast(pa.binary()).to_pylist()
        return pa.array([None if value is None else decoded(value) for value in values], pa.string())


def has_bytes(kind: pa.DataType) -> bool:
    """Return whether a type is of bytes, or has some within: pictures, say, which no manifest needs."""
    if pa.types.is_nested(kind):
        return any(has_bytes(kind.field(number).type) for number in range(kind.num_fields))
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)


def stacked(tables: Sequence[pa.Table]) -> pa.Table:
    """Return the rows of tables, one below the other, with the columns of all of them; null where a table has none.

    Columns are the same where only the case of their names differs. Whole numbers and numbers come to numbers; other
    columns that are of several kinds come to text.
    """
    names: dict[str, str] = {}
    for table in tables:
        names |= {name.casefold(): name for name in table.column_names if name.casefold() not in names}
    of_table = [{name.casefold(): table[name] for name in table.column_names} for table in tables]
    sizes = [len(table) for table in tables]
    return pa.table({name: _stacked_column(folded, of_table, sizes) for folded, name in names.items()})


def _stacked_column(
    name: str, of_table: Sequence[Mapping[str, pa.ChunkedArray]], sizes: Sequence[int]
) -> pa.ChunkedArray:
    """A column of tables, one below the other."""
    kinds = {columns[name].type for columns in of_table if name in columns} - {pa.null()}
    kind = _common_kind(kinds)
    parts: list[pa.Array] = []
    for columns, size in zip(of_table, sizes, strict=True):
        column = columns.get(name)
        parts += [pa.nulls(size, kind)] if column is None else column.cast(kind).chunks
    return pa.chunked_array(parts, kind)


def _common_kind(kinds: set[pa.DataType]) -> pa.DataType:
    if kinds == {pa.int64(), pa.float64()}:
        return pa.float64()
    return next(iter(kinds)) if len(kinds) == 1 else pa.string()


def _texts(values: Sequence[object]) -> pa.Array:
    return pa.array([_text(value) for value in values], pa.string())


def _text(value: object) -> str | None:
    """A value as text; None where it is none."""
    if value is None or value != value:  # NaN
        return None
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, (dict, list, bool)) else str(value)
