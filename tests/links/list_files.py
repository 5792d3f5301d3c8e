"""Lists as files, and what is read of them."""

import io
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from regraft.errors import ListError
from regraft.links.list_header import Columns
from regraft.links.lists import Listed, read_list
from regraft.web.client import Client

USUAL_COLUMNS = Columns()


def parquet(**columns: object) -> bytes:
    """The Parquet file of some columns, by their names."""
    return parquet_of_names([*columns], *columns.values())


def parquet_of_names(names: list[str], *columns: object) -> bytes:
    """The same of columns of which several may have one name."""
    file = io.BytesIO()
    pq.write_table(pa.table([*columns], names), file)
    return file.getvalue()


def read(folder: Path, data: bytes | str, name: str = "list.txt", columns: Columns = USUAL_COLUMNS) -> Listed:
    """What is read of a file with such content."""
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read_list("cat", str(path), Client(), columns)


def links_in(folder: Path, data: bytes | str, name: str = "list.txt", columns: Columns = USUAL_COLUMNS) -> pd.DataFrame:
    """The links in a file with such content."""
    return read(folder, data, name, columns).links


def refusal(folder: Path, data: bytes | str, name: str = "list.txt", columns: Columns = USUAL_COLUMNS) -> str:
    """The sentence with which a file with such content is refused; it names the category and the file."""
    with pytest.raises(ListError) as refused:
        read(folder, data, name, columns)
    message = str(refused.value)
    assert message.startswith("The list of 'cat', ")
    assert name in message
    return message
