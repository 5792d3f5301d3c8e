"""The rows of an exported data set: each picture's label and split, where it came from, and what its list says."""

import pandas as pd
import pyarrow as pa

from regraft.dataset.list_columns import names_of_list_columns
from regraft.dataset.misfiled import is_among
from regraft.dataset.splits import SPLITS
from regraft.links.memory import TIME
from regraft.store.version import Version

PROVENANCE: dict[str, pa.DataType] = {
    "digest": pa.string(),
    "category": pa.string(),
    "split": pa.string(),
    "label": pa.float64(),
    "url": pa.string(),
    "final_url": pa.string(),
    "urls": pa.list_(pa.string()),
    "checked_at": TIME,
    "first_seen": TIME,
    "width": pa.int64(),
    "height": pa.int64(),
    "phash": pa.string(),
    "cluster": pa.string(),
}
"""The columns of a picture: those of the manifest, and of the first of its links. A label is a length in cm, or text
where categories are learnt. The columns of its list come after them, see `list_columns`."""


def provenance(version: Version) -> pd.DataFrame:
    """Return one row for each image of a version's manifest, by split, category and digest.

    It has the columns PROVENANCE, and those of the lists with Arrow's types. `urls` are all links that show the
    picture; `url`, and what a list says, are of the first of them.
    """
    manifest = version.arrow_table("manifest.parquet")
    of_lists = names_of_list_columns(manifest.column_names)
    rows = manifest.drop_columns(of_lists).to_pandas(use_threads=False)
    rows = rows.join(manifest.select(of_lists).to_pandas(types_mapper=pd.ArrowDtype)).assign(url=rows["urls"].str[0])
    columns = ["final_url", "checked_at", "first_seen"]
    links = version.table("links.parquet", ["digest", "url", "category", *columns])
    links = links.assign(is_of_list=is_among(links, rows))  # else the picture was moved to another category
    links = links.sort_values("is_of_list", kind="stable").drop_duplicates(["digest", "url"], keep="last")
    rows = rows.merge(links[["digest", "url", *columns]], on=["digest", "url"], how="left")
    order = rows[["category", "digest"]].assign(split=rows["split"].map(SPLITS.index))  # a list may have an `order`
    in_order = rows.reindex(order.sort_values(["split", "category", "digest"]).index)
    return in_order[[*PROVENANCE, *of_lists]].reset_index(drop=True)


def schema_of(rows: pd.DataFrame) -> pa.Schema:
    """Return the Arrow schema of rows as `provenance` returns them, and of any part of them."""
    label = pa.float64() if pd.api.types.is_numeric_dtype(rows["label"]) else pa.string()
    ours = {**PROVENANCE, "label": label}
    dtypes = {str(name): dtype for name, dtype in rows.dtypes.items() if isinstance(dtype, pd.ArrowDtype)}
    return pa.schema([*ours.items(), *((name, dtype.pyarrow_dtype) for name, dtype in dtypes.items())])


def table_of(rows: pd.DataFrame) -> pa.Table:
    """Return rows as an Arrow table, which has the same columns in every file of an export."""
    return pa.Table.from_pandas(rows, schema=schema_of(rows), preserve_index=False).replace_schema_metadata(None)


def csv_of(rows: pd.DataFrame) -> bytes:
    """Return rows as CSV; the URLs of one picture with spaces between them, as URLs have none of their own."""
    text: str = rows.assign(urls=rows["urls"].map(" ".join)).to_csv(index=False)
    return text.encode()
