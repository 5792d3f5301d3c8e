"""Lists of image URLs, one a category, read from files, the web or a bucket.

A line that is no URL stays as it is: it becomes a link that is judged, like all others.
"""

import gzip
import io
import zlib
from typing import assert_never
from urllib.parse import urlsplit

import fsspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from regraft.errors import ListError
from regraft.web.answers import Body, Failed
from regraft.web.client import Client

MAX_BYTES = 256_000_000
"""Of a list, unpacked."""
MAX_LINE_LENGTH = 100_000
"""In characters. What is longer is cut, and is no URL anyway."""
DEADLINE_S = 60
"""For fetching a list from the web."""
GZIP_MAGIC = b"\x1f\x8b"
SNIFFED_LENGTH = 4096
"""Characters at a list's beginning that are checked for control characters, which no text has."""


class _UnusableError(Exception):
    """A list cannot be used; the message goes on from the list's name."""


def read_list(category: str, source: str, client: Client) -> pd.DataFrame:
    """Return a list's links in its order: category, url, label (float64, in cm; NaN where the list has none).

    A .csv or .parquet file has a column `url`, and may have a column `label`. Anything else has one URL a line; blank
    lines and lines that begin with # are skipped. A URL that is there twice is kept once. `source` is a path, an
    http(s) URL, which the guarded `client` fetches, or an fsspec URL; what it names may be packed with gzip.
    Raises ListError, with the category, the source and the line, where it cannot be read or holds no link.
    """
    try:
        links = _parsed(_unpacked(_content(source, client)), _suffix(source))
    except _UnusableError as problem:
        raise ListError(f"The list of {category!r}, {source}, {problem}") from problem.__cause__
    return links.assign(category=category)[["category", "url", "label"]].reset_index(drop=True)


def _content(source: str, client: Client) -> bytes:
    if source.startswith(("http://", "https://")):
        return _fetched(source, client)
    try:
        with fsspec.open(source, "rb") as file:
            data: bytes = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise _UnusableError("is not there. Give its path in the config, or with --list CATEGORY=PATH") from None
    except Exception as error:  # every file system raises its own
        raise _UnusableError(f"cannot be read: {error}") from error
    return _bounded(data)


def _fetched(url: str, client: Client) -> bytes:
    _, answer = client.follow(url, DEADLINE_S)
    match answer:
        case Body():
            return answer.data
        case Failed():
            problem = f"cannot be fetched ({answer.detail})."
            raise _UnusableError(f"{problem} Download it by hand and give its path: --list CATEGORY=PATH")
        case _:
            assert_never(answer)


def _bounded(data: bytes) -> bytes:
    if len(data) > MAX_BYTES:
        raise _UnusableError(f"is larger than {MAX_BYTES:,} bytes; split it.")
    return data


def _unpacked(data: bytes) -> bytes:
    """Undo gzip, whatever the name says, without ever holding more than MAX_BYTES."""
    if not data.startswith(GZIP_MAGIC):
        return data
    try:
        with gzip.open(io.BytesIO(data)) as file:
            return _bounded(file.read(MAX_BYTES + 1))
    except (OSError, EOFError, zlib.error) as error:
        raise _UnusableError(f"is a damaged gzip file: {error}") from error


def _parsed(data: bytes, suffix: str) -> pd.DataFrame:
    """The links (url, label) in a list's bytes, each URL once."""
    if suffix == "parquet":
        links = _from_parquet(data)
    elif suffix == "csv":
        links = _from_csv(_text(data))
    else:
        links = pd.DataFrame({"url": _lines(_text(data))})
    if "label" not in links:
        links["label"] = float("nan")
    links["url"] = links["url"].astype(str).str.strip()
    links = links[links["url"] != ""].drop_duplicates("url")
    if links.empty:
        raise _UnusableError("holds no link; expected one URL a line.")
    return links


def _text(data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("cp1252" if b"\0" not in data else "ascii")
        except UnicodeDecodeError:
            text = "\0"
    if "\0" in text or any(c < " " and c not in "\t\r\n\f" for c in text[:SNIFFED_LENGTH]):
        raise _UnusableError("is not text; expected one URL a line, or a .csv or .parquet with a column `url`.")
    return text


def _lines(text: str) -> list[str]:
    lines = (line.strip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    return [line[:MAX_LINE_LENGTH] for line in lines if line and not line.startswith("#")]


def _from_csv(text: str) -> pd.DataFrame:
    try:
        table = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
    except (ValueError, pd.errors.ParserError) as error:
        raise _UnusableError(f"is no CSV: {error}") from error
    return _columns(table, first_line=2)


def _from_parquet(data: bytes) -> pd.DataFrame:
    try:
        table = pq.read_table(io.BytesIO(data))
    except (pa.ArrowException, ValueError) as error:
        raise _UnusableError(f"is no Parquet file: {error}") from error
    return _columns(table.to_pandas(), first_line=1)


def _columns(table: pd.DataFrame, first_line: int) -> pd.DataFrame:
    """The columns url, and label where there is one; the table's first row is that line of the list."""
    if "url" not in table:
        raise _UnusableError(f"has no column `url`; it has: {', '.join(map(str, table.columns))}.")
    links = pd.DataFrame({"url": table["url"]})
    if "label" in table:
        label = pd.to_numeric(table["label"], errors="coerce")
        bad = label.isna() | ~label.abs().lt(float("inf"))
        if bad.any():
            row = int(bad.to_numpy().argmax())
            raise _UnusableError(f"line {first_line + row}: label {table['label'].iloc[row]!r} is no number.")
        links["label"] = label.astype("float64")
    return links


def _suffix(source: str) -> str:
    path = urlsplit(source).path if "://" in source else source
    return path.removesuffix(".gz").rpartition(".")[2].lower()
