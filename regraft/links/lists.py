"""Lists of image URLs, one a category, read from files, the web or a bucket.

A line that is no URL stays as it is: it becomes a link that is judged, like all others. A list that holds nothing but
such lines is refused at once, with what they are.
"""

import itertools
import logging
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pyarrow as pa

from regraft.config import MAX_LENGTH_CM
from regraft.errors import ListError
from regraft.links.list_bytes import UnusableError, open_list
from regraft.links.list_columns import MAX_BYTES, OtherColumns
from regraft.links.list_header import Columns, delimiter_of
from regraft.links.list_table import Rows, csv_to_rows, json_lines_to_rows, lines_to_rows, parquet_to_rows
from regraft.links.list_text import EXPECTED, cleaned, is_row, line_blocks, shortened
from regraft.web.client import Client

USUAL_COLUMNS = Columns()
URL_LINE = re.compile(r"https?://[^\t]*$", re.IGNORECASE)
JSON_DOCUMENT = re.compile(r'\[\s*([\["{\]]|$)|\{$')
"""How the first line of a JSON document begins that is an array, or an object of several lines."""
IMAGE_SUFFIX = r"\.(?:jpe?g|png|gif|webp|bmp|tiff?|avif)"
UNNAMED_CELLS = re.compile(
    rf"https?://(?:[^\s,;|]+{IMAGE_SUFFIX}[,;|]\s*[\w.+-]+"
    rf"|\S+{IMAGE_SUFFIX}\s+(?=\S)(?!.*{IMAGE_SUFFIX}$).*"
    r"|\S+\s+[\w+-]+|\S+\s{2,}\S.*|\S+[\s,;|]\s*(?:[,;|]\s*)?https?://.*)",
    re.IGNORECASE,
)
"""A URL and other cells, in a line of a table that does not name its columns: a word, another URL, whatever follows a
picture's name, and whatever follows two blanks."""
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+$")
PARQUET_MAGIC = b"PAR1"
OTHER_FILES = {
    b"PK\x03\x04": "a ZIP archive or a spreadsheet",
    b"\xd0\xcf\x11\xe0": "a spreadsheet or another document of an office program",
    b"\x1f\x8b": "packed with gzip twice",
    b"BZh": "packed with bzip2",
    b"\xfd7zXZ\0": "packed with xz",
    b"\x28\xb5\x2f\xfd": "packed with zstd",
    b"7z\xbc\xaf": "a 7z archive",
    b"ARROW1": "an Arrow or Feather file",
    b"FEA1": "a Feather file",
    b"%PDF-": "a PDF document",
    b"{\\rtf": "a document of a word processor",
    b"SQLite format 3": "an SQLite database",
    b"ORC": "an ORC file",
    b"Obj\x01": "an Avro file",
    b"\x89HDF": "an HDF5 file",
    b"version https://git-lfs": "a pointer of Git LFS; `git lfs pull` puts the list in its place",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
}
"""What is taken for a list by mistake, by the bytes that it begins with."""
TAR_MAGIC = b"ustar"
TAR_MAGIC_PLACE = 257
"""A tar archive begins with a file's name: https://www.gnu.org/software/tar/manual/html_node/Standard.html."""
log = logging.getLogger("regraft")


@dataclass(frozen=True)
class Listed:
    """What a list holds."""

    links: pd.DataFrame
    """Its links in its order: category, url, label (float64, in cm; NaN where the list has none)."""
    columns: pa.Table
    """What else it says of each of them: url, and its other columns, see `list_columns`."""


def read_list(category: str, source: str, client: Client, columns: Columns = USUAL_COLUMNS) -> Listed:
    """Return what a list holds.

    A .csv or .tsv file, whose first line names its columns, a .jsonl file of JSON objects, and a .parquet file have a
    column `url`, and may have a column `label`, or others that `columns` names. Anything else has one URL a line; blank
    lines and lines that begin with # are skipped. A URL that is there twice is kept once, as it is first. `source` is a
    path, an http(s) URL, which the guarded `client` fetches, or an fsspec URL; what it names may be packed with gzip.
    Raises ListError, with the category, the source and the line, where it cannot be read or holds no URL.
    """
    name = f"The list of {category!r}, {source},"
    try:
        with open_list(source, client) as file:
            links, others = _links(_rows(file, _suffix(source), columns), name)
    except UnusableError as problem:
        raise ListError(f"{name} {problem}") from problem.__cause__
    if others is None:
        log.warning(
            "%s has columns of more than %s bytes besides its links; none travels along.", name, f"{MAX_BYTES:,}"
        )
        others = pa.table({"url": pa.array(links["url"], pa.string())})
    return Listed(links.assign(category=category)[["category", "url", "label"]], others)


def _rows(file: BufferedReader, suffix: str, columns: Columns) -> Iterator[Rows]:
    """The rows in a list's bytes. How these begin says what they are; where it does not, the list's name does."""
    head = file.peek(TAR_MAGIC_PLACE + len(TAR_MAGIC))
    other = next((OTHER_FILES[magic] for magic in OTHER_FILES if head.startswith(magic)), None)
    if head.startswith(TAR_MAGIC, TAR_MAGIC_PLACE):
        other = "a tar archive"
    if other is not None:
        raise UnusableError(f"is no list, but {other}. {EXPECTED}")
    if head.startswith(PARQUET_MAGIC) or suffix == "parquet":
        return parquet_to_rows(file.read(), columns)
    return _text_rows(file, suffix, columns)


def _text_rows(file: BufferedReader, suffix: str, columns: Columns) -> Iterator[Rows]:
    """The rows of a list that is text."""
    skipped_lines, first_line, blocks = _from_first_row(line_blocks(file))
    number, lines = skipped_lines + 1, itertools.chain.from_iterable(blocks)
    if re.match(r"<(?!https?:)", first_line):
        raise UnusableError(f"is a web page or XML: line {number} is {shortened(first_line)!r}. {EXPECTED}")
    if JSON_DOCUMENT.match(first_line):
        raise UnusableError(f"is one JSON document. Write one object a line, as .jsonl files do. {EXPECTED}")
    if first_line.startswith("{") or (suffix in ("jsonl", "ndjson") and first_line):
        return json_lines_to_rows(lines, columns, skipped_lines)
    delimiter = delimiter_of(first_line, columns)
    is_table = suffix in ("csv", "tsv") or columns.url is not None
    if delimiter or (is_table and first_line):
        usual = "\t" if suffix == "tsv" else ","
        return csv_to_rows(lines, columns, delimiter or usual, skipped_lines)
    if columns.label is not None and columns.has_lengths:
        raise UnusableError(f"has one URL a line, and no column `{columns.label}`, which `label_column` names.")
    return _without_unnamed_cells(lines_to_rows(blocks, skipped_lines))


def _without_unnamed_cells(blocks: Iterator[Rows]) -> Iterator[Rows]:
    """The rows of a list of lines. Raises UnusableError where more stands after each URL of the first lines."""
    for i, rows in enumerate(blocks):
        urls = [url for url in rows.urls if URL_LINE.match(url)] if i == 0 else []
        if urls and all(map(UNNAMED_CELLS.fullmatch, urls)):
            raise UnusableError(
                f"is a table without a line that names its columns: its first row is {shortened(urls[0])!r}. Separate "
                "the cells by commas and write `url,label` before the rows, or write one URL a line and nothing after "
                "it. A blank in a URL is written %20."
            )
        yield rows


def _from_first_row(blocks: Iterator[list[str]]) -> tuple[int, str, Iterator[list[str]]]:
    """The number of lines before the first that is neither blank nor a comment, that line, and the blocks from it on.

    The line is "" where there is none.
    """
    skipped_lines = 0
    for block in blocks:
        place, line = _first_row(block)
        if line:
            return skipped_lines + place, line, itertools.chain([block[place:]], blocks)
        skipped_lines += len(block)
    return 0, "", iter([])


def _first_row(lines: list[str]) -> tuple[int, str]:
    """The place and the text of the first line that is neither blank nor a comment; (0, "") where there is none."""
    stripped = ((place, line.strip().strip("\ufeff").strip()) for place, line in enumerate(lines) if line)
    return next(((place, line) for place, line in stripped if is_row(line)), (0, ""))


def _links(blocks: Iterator[Rows], name: str) -> tuple[pd.DataFrame, pa.Table | None]:
    """The links (url, label) of a list's rows, each URL once, and a table of its other columns with the same rows.

    None stands for a table that is too large. What is logged calls the list `name`. Raises UnusableError where there
    is no URL.
    """
    labels = [pa.array([], pa.float64())]
    others = OtherColumns()
    first = ""
    has_url = False
    for rows in (_without_blanks(block) for block in blocks):
        if not rows.urls:
            continue
        first = first or f"{rows.place} {rows.numbers[0]} is {shortened(rows.urls[0])!r}{_layout_of(rows.urls[0])}"
        has_url = has_url or any(map(URL_LINE.match, rows.urls))
        others.put(pa.array(rows.urls, pa.string()), rows.columns)
        labels.append(_lengths(rows))
    if not first:
        raise UnusableError(f"holds no link. {EXPECTED}")
    if not has_url:
        raise UnusableError(f"holds no URL that begins with http:// or https://: {first}. {EXPECTED}")
    table = others.table()
    links = pa.table({"url": table["url"], "label": pa.chunked_array(labels)}).to_pandas()
    is_first = ~links["url"].duplicated()
    if not is_first.all():
        _warn_of_other_labels(links, name)
    return links[is_first].reset_index(drop=True), None if others.are_too_many else table.filter(pa.array(is_first))


def _warn_of_other_labels(links: pd.DataFrame, name: str) -> None:
    """Log how many URLs of a list are there more than once, with several labels."""
    rows = links.drop_duplicates()
    urls = rows["url"][rows["url"].duplicated()].unique()
    if len(urls):
        log.warning(
            "%s has several labels for each of %d URLs, such as %s; the first counts.", name, len(urls), urls[0]
        )


def _without_blanks(rows: Rows) -> Rows:
    """The rows that have a URL."""
    if "" not in rows.urls:
        return rows
    kept = [i for i, url in enumerate(rows.urls) if url]
    labels = None if rows.labels is None else [rows.labels[i] for i in kept]
    columns = {name: column.take(pa.array(kept, pa.int64())) for name, column in rows.columns.items()}
    return Rows([rows.urls[i] for i in kept], labels, [rows.numbers[i] for i in kept], rows.place, columns)


def _lengths(rows: Rows) -> pa.Array:
    """The lengths in cm of rows, NaN where the list has none. Raises UnusableError with the line that has no length."""
    if rows.labels is None:
        return pa.array(np.full(len(rows.urls), np.nan))
    try:
        lengths = np.array([float(label) for label in rows.labels])
    except (ValueError, OverflowError):
        lengths = np.array([_number(label) for label in rows.labels])
    is_wrong = ~(np.abs(lengths) <= MAX_LENGTH_CM)  # NaN is too
    if is_wrong.any():
        i = int(is_wrong.argmax())
        raise UnusableError(f"{rows.place} {rows.numbers[i]}: label {_problem(rows.labels[i])}")
    return pa.array(lengths, pa.float64())


def _number(label: str | float) -> float:
    """A label as a number; NaN where it is none."""
    try:
        return float(cleaned(label) if isinstance(label, str) else label)
    except OverflowError:
        return math.inf
    except ValueError:
        return math.nan


def _problem(label: str | float) -> str:
    """What is wrong with a label."""
    shown = repr(shortened(str(label)))
    if DECIMAL_COMMA.match(cleaned(str(label))):
        return f"{shown} is no number; write it with a decimal point."
    if math.isnan(_number(label)):
        return f"{shown} is no number; write the length in cm, such as 102.5, or take the row out."
    return f"{shown} is no length; expected one within {MAX_LENGTH_CM:,.0f} cm."


def _layout_of(line: str) -> str:
    """What a line looks like that is no URL, for a message."""
    cells = line.count("\t") + 1
    return f", which has {cells} columns separated by tabs, but no line that names them" if cells > 1 else ""


def _suffix(source: str) -> str:
    path = urlsplit(source).path if "://" in source else source
    return path.lower().removesuffix(".gz").rpartition(".")[2]
