"""Lists of image URLs, one a category, read from wherever they are. What is no URL stays, as a link to be judged."""

import gzip
import io
import zlib
from collections.abc import Callable
from urllib.parse import urlsplit

import fsspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from regraft.errors import ListError
from regraft.web.answers import Body
from regraft.web.client import Client

MAX_BYTES = 256_000_000
"""Bytes of a list at most, unpacked."""
MAX_LINE = 100_000
LIST_DEADLINE_S = 60


def read_list(category: str, source: str, client: Client) -> pd.DataFrame:
    """Return a list's links: category, url, label (float64 cm, NaN where the list has none), in order.

    A .csv or .parquet has a column `url` and may have `label`; anything else has a URL a line, where blank lines and
    lines that begin with # are left out. A URL given twice is kept once. http(s) goes through the guarded client.
    Raises ListError naming the category, the source and the line.
    """
    where = f"The list of {category!r}, {source},"
    data = _unpacked(_bytes(where, source, client), where)
    kind = _suffix(source)
    if kind == "parquet":
        links = _from_parquet(where, data)
    elif kind == "csv":
        links = _from_csv(where, _text(where, data))
    else:
        links = pd.DataFrame({"url": _lines(_text(where, data))})
    if "label" not in links:
        links["label"] = float("nan")
    links["url"] = links["url"].astype(str).str.strip()
    links = links[links["url"] != ""].drop_duplicates("url")
    if links.empty:
        raise ListError(f"{where} holds no link; expected one URL a line.")
    return links.assign(category=category)[["category", "url", "label"]].reset_index(drop=True)


def _bytes(where: str, source: str, client: Client) -> bytes:
    if source.startswith(("http://", "https://")):
        _, answer = client.follow(source, LIST_DEADLINE_S)
        if isinstance(answer, Body):
            return answer.data
        said = getattr(answer, "detail", "no answer")
        raise ListError(
            f"{where} cannot be fetched ({said}). Download it by hand and give its path: --list CATEGORY=PATH"
        )
    try:
        with fsspec.open(source, "rb") as file:
            data: bytes = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ListError(f"{where} is not there. Give its path in the config, or with --list CATEGORY=PATH") from None
    except Exception as error:  # every file system raises its own
        raise ListError(f"{where} cannot be read: {error}") from error
    return _bounded(data, where)


def _bounded(data: bytes, where: str) -> bytes:
    if len(data) > MAX_BYTES:
        raise ListError(f"{where} is larger than {MAX_BYTES:,} bytes; split it.")
    return data


def _unpacked(data: bytes, where: str) -> bytes:
    """Undo gzip, whatever the name says, without ever holding more than MAX_BYTES."""
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        with gzip.open(io.BytesIO(data)) as file:
            return _bounded(file.read(MAX_BYTES + 1), where)
    except (OSError, EOFError, zlib.error) as error:
        raise ListError(f"{where} is a damaged gzip file: {error}") from error


def _text(where: str, data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("cp1252" if b"\0" not in data else "ascii")
        except UnicodeDecodeError:
            text = "\0"
    if "\0" in text or sum(c < " " and c not in "\t\r\n\f" for c in text[:4096]) > 0:
        raise ListError(f"{where} is not text; expected one URL a line, or a .csv or .parquet with a column `url`.")
    return text


def _lines(text: str) -> list[str]:
    lines = (line.strip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    return [line[:MAX_LINE] for line in lines if line and not line.startswith("#")]


def _from_csv(where: str, text: str) -> pd.DataFrame:
    try:
        table = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
    except (ValueError, pd.errors.ParserError) as error:
        raise ListError(f"{where} is no CSV: {error}") from error
    return _columns(where, table, line=lambda row: row + 2)


def _from_parquet(where: str, data: bytes) -> pd.DataFrame:
    try:
        table = pq.read_table(io.BytesIO(data))
    except (pa.ArrowException, ValueError) as error:
        raise ListError(f"{where} is no Parquet file: {error}") from error
    return _columns(where, table.to_pandas(), line=lambda row: row + 1)


def _columns(where: str, table: pd.DataFrame, line: Callable[[int], int]) -> pd.DataFrame:
    if "url" not in table:
        raise ListError(f"{where} has no column `url`; it has: {', '.join(map(str, table.columns))}.")
    links = pd.DataFrame({"url": table["url"]})
    if "label" in table:
        label = pd.to_numeric(table["label"], errors="coerce")
        bad = label.isna() | ~label.abs().lt(float("inf"))
        if bad.any():
            row = int(bad.to_numpy().argmax())
            raise ListError(f"{where} line {line(row)}: label {table['label'].iloc[row]!r} is no number.")
        links["label"] = label.astype("float64")
    return links


def _suffix(source: str) -> str:
    path = urlsplit(source).path if "://" in source else source
    return path.removesuffix(".gz").rpartition(".")[2].lower()
