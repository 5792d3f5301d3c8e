"""The rows of a list: URLs, lengths and other columns beside them, from lines, CSV, TSV, JSON lines or Parquet.

Rows come in blocks, so that a list of ten million links is never held as Python objects.
"""

import csv
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from regraft.links.list_bytes import MAX_BYTES, UnusableError
from regraft.links.list_columns import (
    MAX_COLUMNS,
    arrow_to_column,
    cells_to_column,
    column_names,
    has_bytes,
    python_values,
    values_to_column,
)
from regraft.links.list_header import LABEL, Columns, needed_names, positions
from regraft.links.list_text import MAX_LINE_LENGTH, cleaned, cleaned_urls, decoded, shortened

ROWS_AT_ONCE = 8_192
SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
"""How JSON may write half of a character."""


@dataclass(frozen=True)
class Rows:
    """A block of a list's rows."""

    urls: list[str]
    """Each without what is around it; "" where a row has none."""
    labels: Sequence[str | float] | None
    """As they are written; None where the list has none."""
    numbers: Sequence[int]
    """The line or row of the list that each of them is, counted from 1."""
    place: str = "line"
    """What `numbers` count."""
    columns: Mapping[str, pa.Array] = field(default_factory=dict)
    """The list's other columns, by the names that `list_columns.column_names` gives them."""


def lines_to_rows(lines: Iterable[Sequence[str]], skipped_lines: int) -> Iterator[Rows]:
    """Yield the rows of a list that has one URL a line; `lines` come in blocks, after `skipped_lines`."""
    first_number = skipped_lines + 1
    for block in lines:
        yield Rows(cleaned_urls(block), None, range(first_number, first_number + len(block)))
        first_number += len(block)


def csv_to_rows(lines: Iterable[str], columns: Columns, delimiter: str, skipped_lines: int) -> Iterator[Rows]:
    """Yield the rows of a table whose first line names its columns; `skipped_lines` came before that one.

    A row with too many cells has a URL with unquoted delimiters in it, which is put together again. Cells that tabs
    separate are not quoted. Raises UnusableError with the line that is no row.
    """
    reader = csv.reader(
        _whole(lines, skipped_lines + 1),
        delimiter=delimiter,
        quoting=csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL,
        strict=True,
    )
    try:
        header = next(reader)
    except csv.Error as error:
        raise UnusableError(f"line {skipped_lines + 1} is no CSV: {error}.") from error
    names = [cleaned(name) for name in header]
    url, label = positions(names, columns, "Its first line must name the columns; ")
    others = [place for place in range(len(names)) if place not in (url, label)]
    other_names = column_names([names[place] for place in others])
    for rows, numbers in _csv_blocks(reader, skipped_lines):
        if delimiter == "," and label is not None:
            _check_decimal_commas(rows, numbers, len(header), url, label)
        rows = [_with_width(row, len(header), url, delimiter) for row in rows]
        labels = None if label is None else [row[label] for row in rows]
        cells = [cells_to_column([row[place] for row in rows]) for place in others]
        urls = cleaned_urls(row[url] for row in rows)
        yield Rows(urls, labels, numbers, columns=dict(zip(other_names, cells, strict=True)))


def json_lines_to_rows(lines: Iterable[str], columns: Columns, skipped_lines: int) -> Iterator[Rows]:
    """Yield the rows of a list that has one JSON object a line; `skipped_lines` came before them.

    Raises UnusableError with the line that is none.
    """
    names_in = lru_cache(lambda keys: needed_names(keys, columns))
    has_labels = None
    first_number = skipped_lines + 1
    numbered = enumerate(_whole(lines, first_number), first_number)
    for block in _blocks((number, line) for number, line in numbered if line and cleaned(line)[:1] not in ("", "#")):
        urls, labels, others = [], [], []
        for number, line in block:
            record = _json_object(number, line)
            try:
                url, label = names_in(tuple(record))
                urls.append(_url_text(record[url]))
            except UnusableError as problem:
                raise UnusableError(f"line {number} {problem}") from None
            if has_labels is None:
                has_labels = label is not None
            if has_labels != (label is not None):
                what = f"has no `{columns.label or LABEL}`" if label is None else f"has a `{label}`"
                raise UnusableError(f"line {number} {what}, unlike the lines before it.")
            labels.append("" if label is None else _number_or_text(record[label]))
            others.append({name: value for name, value in record.items() if name not in (url, label)})
        numbers = [number for number, _ in block]
        yield Rows(cleaned_urls(urls), labels if has_labels else None, numbers, columns=_columns_of(others))


def parquet_to_rows(data: bytes, columns: Columns) -> Iterator[Rows]:
    """Yield the rows of a Parquet file; columns of bytes, pictures say, are not read. Raises UnusableError."""
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        schema = file.schema_arrow
        url, label = needed_names(schema.names, columns)
        needed = [url, label] if label else [url]
        others = [column.name for column in schema if _travels(column, needed)]
        other_names = column_names(others)
        unpacked_bytes, first_number = 0, 1
        for batch in file.iter_batches(ROWS_AT_ONCE, columns=[*needed, *others]):
            unpacked_bytes += batch.select(needed).nbytes
            if unpacked_bytes > MAX_BYTES:
                raise UnusableError(f"holds more than {MAX_BYTES:,} bytes; split it.")
            urls = cleaned_urls(map(_url_text, python_values(batch.column(url))))
            labels = [_number_or_text(value) for value in python_values(batch.column(label))] if label else None
            travelling = [place for place, column in enumerate(batch.schema) if _travels(column, needed)]
            values = [arrow_to_column(batch.column(place)) for place in travelling]  # two may have one name
            numbers = range(first_number, first_number + len(urls))
            yield Rows(urls, labels, numbers, "row", dict(zip(other_names, values, strict=True)))
            first_number += len(urls)
    except (pa.ArrowException, ValueError, OSError) as error:
        raise UnusableError(f"is no Parquet file, or a damaged one: {error}") from error


def _travels(column: pa.Field, needed: Sequence[str]) -> bool:
    """Whether a column of a Parquet file goes along with the URLs and lengths, which are in those that are needed."""
    return column.name not in needed and not has_bytes(column.type)


def _csv_blocks(reader: Any, skipped_lines: int) -> Iterator[tuple[list[list[str]], list[int]]]:
    """The rows that are not empty, in blocks, with the line that each ends in."""
    rows, line_numbers = [], []
    last_line = skipped_lines + reader.line_num
    try:
        for row in reader:
            last_line = skipped_lines + reader.line_num
            if row:
                rows.append(row)
                line_numbers.append(last_line)
            if len(rows) == ROWS_AT_ONCE:
                yield rows, line_numbers
                rows, line_numbers = [], []
    except csv.Error as error:
        raise UnusableError(f"line {last_line + 1} is no CSV: {error}.") from error
    yield rows, line_numbers


def _whole(lines: Iterable[str], first_number: int) -> Iterator[str]:
    """The lines of a table. Raises UnusableError with the one that was cut, which has lost some of its cells."""
    for number, line in enumerate(lines, first_number):
        if len(line) >= MAX_LINE_LENGTH:
            raise UnusableError(f"line {number} is longer than {MAX_LINE_LENGTH:,} characters; take it out.")
        yield line


def _check_decimal_commas(rows: list[list[str]], numbers: list[int], width: int, url: int, label: int) -> None:
    """Raise UnusableError with the row that has too many cells, and two whole numbers where its length is expected.

    Nobody can tell whether they are one length with a decimal comma, or the end of a URL and a length.
    """
    for row, number in zip(rows, numbers, strict=True):
        extra = len(row) - width
        if extra > 0:
            start = label + extra - 1 if label > url else label
            pair = [cell.strip() for cell in row[start : start + 2]]
            if all(cell.isdecimal() for cell in pair):
                raise UnusableError(
                    f"line {number}: {shortened(','.join(pair))!r} may be one length or two cells; write it with a "
                    "decimal point, or quote the URL."
                )


def _with_width(row: list[str], width: int, url: int, delimiter: str) -> list[str]:
    """A row with as many cells as a table has columns.

    Missing cells are empty. Empty ones too many are dropped: spreadsheets add them. Others are pieces of the URL.
    """
    if len(row) == width:
        return row
    while len(row) > width > 1 and not row[-1]:
        row = row[:-1]
    pieces = max(len(row) - width, 0) + 1
    joined = [*row[:url], delimiter.join(row[url : url + pieces]), *row[url + pieces :]]
    return joined + [""] * (width - len(joined))


def _columns_of(records: Sequence[Mapping[str, object]]) -> dict[str, pa.Array]:
    """The columns of JSON objects; null where one lacks a key that others have."""
    keys = list(dict.fromkeys(itertools.chain.from_iterable(records)))[:MAX_COLUMNS]
    names = column_names(keys)
    return {
        name: values_to_column([record.get(key) for record in records]) for name, key in zip(names, keys, strict=True)
    }


def _json_object(number: int, line: str) -> dict[str, Any]:
    """The object of a line. Half a surrogate pair, which is no character, becomes a question mark."""
    try:
        record = json.loads(cleaned(line).removesuffix(","))
        if SURROGATE.search(line):
            record = json.loads(json.dumps(record, ensure_ascii=False).encode(errors="replace"))
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        example = '{"url": "http://example.org/cat.jpg"}'
        raise UnusableError(
            f"line {number} is no JSON object: {shortened(line)!r}. Expected one object a line, such as {example}"
        )
    return record


def _url_text(value: object) -> str:
    """A URL in a typed table; "" where there is none. Raises UnusableError where it is something else than text."""
    if isinstance(value, bytes):
        value = decoded(value)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UnusableError(f"holds {shortened(repr(value))} where a URL is expected.")
    return value


def _number_or_text(value: object) -> str | float:
    """A length in a typed table, where it is a number; what else it is as text."""
    if isinstance(value, bytes):
        return decoded(value)
    return value if type(value) in (int, float) else str(value)  # type: ignore[return-value] # True is an int


def _blocks(rows: Iterable[tuple[int, Any]]) -> Iterator[list[tuple[int, Any]]]:
    iterator = iter(rows)
    while block := list(itertools.islice(iterator, ROWS_AT_ONCE)):
        yield block
