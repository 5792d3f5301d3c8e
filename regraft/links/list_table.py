"""The rows of a list: URLs, lengths and other columns beside them, from lines, CSV, TSV, JSON lines or Parquet.

Rows come in blocks, so that a list of ten million links is never held as Python objects.
"""

import csv
import difflib
import itertools
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
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
from regraft.links.list_text import MAX_LINE_LENGTH, cleaned, cleaned_urls, decoded

ROWS_AT_ONCE = 8_192
URL, LABEL = "url", "label"
"""The columns' names where a job gives no others."""
DELIMITERS = ",\t;|"
"""What may separate the columns of a table."""
LENGTH_NAMES = (LABEL, "length")
"""What a column of lengths is most likely called: a column that is called nearly so is not overlooked in silence."""
LENGTH_WORD = re.compile(r"(?<![^\W_])(label|length|cm(?![^\W_]))")
"""What a column of lengths has in its name: `body_length`, `Length (cm)`, `size_cm`."""
URL_WORD = re.compile(r"url|link|href|src")
"""What a column of URLs may have in its name: `OriginalURL`, `image_link`."""
MIN_SIMILARITY = 0.75
"""From 0 to 1, as difflib measures it: `lable` and `labels` are similar to `label`, `table` is not."""
SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
"""How JSON may write half of a character."""
MAX_SHOWN_LENGTH = 80
"""Characters of a list that a message repeats at most."""


@dataclass(frozen=True)
class Columns:
    """Which columns of a table hold the URLs and the lengths.

    Case, surrounding spaces and how Unicode composes a letter do not count.
    """

    url: str | None = None
    """None: `url`."""
    label: str | None = None
    """None: `label`, where there is such a column."""
    has_lengths: bool = True
    """Whether lengths are wanted; where not, the column of labels may hold anything."""


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


def delimiter_of(header: str, columns: Columns) -> str | None:
    """Return what separates the columns that a line names; None where it does not name the column of URLs."""
    wanted = _folded(columns.url or URL)
    return next((d for d in DELIMITERS if wanted in map(_folded, header.split(d))), None)


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
    find_keys = cache(lambda names: _keys(names, columns))
    has_labels = None
    first_number = skipped_lines + 1
    numbered = enumerate(_whole(lines, first_number), first_number)
    for block in _blocks((number, line) for number, line in numbered if line and cleaned(line)[:1] not in ("", "#")):
        urls, labels, others = [], [], []
        for number, line in block:
            record = _json_object(number, line)
            try:
                url, label = find_keys(tuple(record))
                urls.append(_url_text(record[url]))
            except UnusableError as problem:
                raise UnusableError(f"line {number} {problem}") from None
            if has_labels is None:
                has_labels = label is not None
            if has_labels and label is None:
                raise UnusableError(f"line {number} has no `{columns.label or LABEL}`, unlike the lines before it.")
            if label is not None and not has_labels:
                raise UnusableError(f"line {number} has a `{label}`, unlike the lines before it.")
            labels.append("" if label is None else _number_or_text(record[label]))
            others.append({name: value for name, value in record.items() if name not in (url, label)})
        numbers = [number for number, _ in block]
        yield Rows(cleaned_urls(urls), labels if has_labels else None, numbers, columns=_columns_of(others))


def parquet_to_rows(data: bytes, columns: Columns) -> Iterator[Rows]:
    """Yield the rows of a Parquet file; columns of bytes, pictures say, are not read. Raises UnusableError."""
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        schema = file.schema_arrow
        url, label = _keys(schema.names, columns)
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


def positions(names: Sequence[str], columns: Columns, advice: str = "") -> tuple[int, int | None]:
    """Return where the columns of URLs and of lengths are; None where a table has no lengths, or none are wanted.

    `advice` goes before what a message says of columns with other names.
    Raises UnusableError where there is no column of URLs, where one that the job names is missing, and where a column
    is called nearly as one of lengths is: to overlook it would mean to learn from synthetic lengths.
    """
    url = _position(names, columns.url or URL)
    if url is None:
        problem = f"has no column `{columns.url or URL}`; it has: {_shown_names(names)}. {advice}"
        setting = next((f"url_column: {name}" for name in names if URL_WORD.search(_folded(name))), "url_column")
        raise UnusableError(f"{problem}`{setting}` in the config says which holds the URLs.")
    if not columns.has_lengths:
        return url, None
    label = _position(names, columns.label or LABEL)
    if label is not None:
        return url, label
    if columns.label:
        problem = f"has no column `{columns.label}`, which `label_column` names"
        raise UnusableError(f"{problem}; it has: {_shown_names(names)}.")
    similar = _name_like_a_length(names)
    if similar is not None:
        problem = f"has a column `{similar}`, but none `{LABEL}`, so that its lengths would be overlooked."
        raise UnusableError(f"{problem} Write `label_column: {similar}` in the config, or take the column out.")
    return url, None


def _position(names: Sequence[str], wanted: str) -> int | None:
    """Where a column is. One of exactly that name comes first; two that are alike are refused."""
    exact = [i for i, name in enumerate(names) if name == wanted]
    alike = exact or [i for i, name in enumerate(names) if _folded(name) == _folded(wanted)]
    if len(alike) > 1:
        raise UnusableError(f"has {len(alike)} columns `{wanted}`; it has: {_shown_names(names)}.")
    return alike[0] if alike else None


def _keys(names: Sequence[str], columns: Columns) -> tuple[str, str | None]:
    """The names of the columns of URLs and of lengths, see `positions`."""
    url, label = positions(names, columns)
    return names[url], None if label is None else names[label]


def _name_like_a_length(names: Sequence[str]) -> str | None:
    """The first name that a column of lengths may have."""
    by_folded = {_folded(name): name for name in reversed(names)}
    similar = {
        close for name in LENGTH_NAMES for close in difflib.get_close_matches(name, by_folded, 1, MIN_SIMILARITY)
    }
    return next((name for name in names if LENGTH_WORD.search(_folded(name)) or _folded(name) in similar), None)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", cleaned(name)).casefold()


def _shown_names(names: Sequence[str]) -> str:
    return shortened(", ".join(names)) or "none"


def shortened(text: str) -> str:
    """Return a text as a message repeats it."""
    return text if len(text) <= MAX_SHOWN_LENGTH else text[:MAX_SHOWN_LENGTH] + "..."


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
