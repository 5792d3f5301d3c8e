"""The columns of the lists, such as a licence, beside the pictures that their links show."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from regraft.identity import Digest
from regraft.links.list_columns import RESERVED, stacked
from regraft.store.drafts import Drafts

# N pictures, L links of a list


def list_columns(manifest: pd.DataFrame, lists: Mapping[str, Digest], drafts: Drafts) -> pa.Table:
    """Return what the lists say of each picture of a manifest: (N,) rows, and the columns of all lists; null where not.

    A picture that several links show has the row of the first of its `urls`. `lists` has the table of each category's
    list: `url`, each of them once, and the list's other columns. The row of its own category's list goes before that of
    the list that a person moved it from.
    """
    urls = pa.array([urls[0] for urls in manifest["urls"]], pa.string())
    missing = np.ones(len(manifest), dtype=bool)
    rows: list[NDArray[np.int64]] = []
    parts: list[pa.Table] = []

    def look_up(category: str, pictures: NDArray[np.int64]) -> None:
        file = pq.ParquetFile(pa.BufferReader(drafts.read(lists[category])))
        places = _places(urls.take(pa.array(pictures)), file)
        rows.append(pictures[places >= 0])
        parts.append(_rows(file, places[places >= 0]))
        missing[rows[-1]] = False

    for category, pictures in manifest.groupby("category").indices.items():
        if category in lists:
            look_up(str(category), np.asarray(pictures, dtype=np.int64))
    for category in lists:
        if missing.any():
            look_up(category, np.flatnonzero(missing))
    rows.append(np.flatnonzero(missing))
    parts.append(pa.table({"url": pa.nulls(int(missing.sum()), pa.string())}))
    return stacked(parts).take(pa.array(np.argsort(np.concatenate(rows)))).drop_columns("url")


def names_of_list_columns(columns: Iterable[str]) -> list[str]:
    """Return which columns of a version's manifest came with its lists; an older version has none."""
    return [name for name in columns if name not in RESERVED]


def _places(urls: pa.Array, file: pq.ParquetFile) -> NDArray[np.int64]:
    """Where each URL stands in a list, counted from 0; -1 where it does not."""
    listed = file.read(["url"], use_threads=False)["url"]
    return np.asarray(pc.index_in(urls, value_set=listed).fill_null(-1), dtype=np.int64)


def _rows(file: pq.ParquetFile, places: NDArray[np.int64]) -> pa.Table:
    """The rows of a file at some places, in their order, read a group of rows at a time."""
    order = np.argsort(places, kind="stable")
    ascending, start = places[order], 0
    parts = [file.schema_arrow.empty_table()]
    for group in range(file.num_row_groups):
        end = start + file.metadata.row_group(group).num_rows
        inside = ascending[(ascending >= start) & (ascending < end)] - start
        if len(inside):
            parts.append(file.read_row_group(group, use_threads=False).take(pa.array(inside)))
        start = end
    return pa.concat_tables(parts).take(pa.array(np.argsort(order)))
