"""Tables as Parquet: what the store remembers of links, with the columns of a schema.

pandas and PyArrow are imported where a table is read or written: most commands only need a version's name.
"""

import io
from typing import TYPE_CHECKING

from regraft.store.disk import Disk

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class Tables:
    """The tables of one store that change from run to run."""

    def __init__(self, disk: Disk):
        self._disk = disk

    def read(self, path: str, schema: "pa.Schema") -> "pd.DataFrame":
        """Return a table with the columns of `schema`; an empty one where there is none that can be read."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            table = pq.read_table(io.BytesIO(self._disk.read(path)))
            return table.select(schema.names).cast(schema).to_pandas()
        except (FileNotFoundError, pa.ArrowException, KeyError):
            return schema.empty_table().to_pandas()

    def write(self, path: str, table: "pd.DataFrame", schema: "pa.Schema") -> None:
        """Replace a table, once the blobs that it names survive a crash."""
        self._disk.settle()
        self._disk.write(path, parquet(table, schema))


def parquet(table: "pd.DataFrame", schema: "pa.Schema | None" = None) -> bytes:
    """Return a table, without its index, as a Parquet file, its columns cast to `schema` where one is given."""
    import pyarrow as pa

    return parquet_of_arrow(pa.Table.from_pandas(table, schema=schema, preserve_index=False))


def parquet_of_arrow(table: "pa.Table") -> bytes:
    """Return an Arrow table as a Parquet file."""
    import pyarrow.parquet as pq

    file = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(None), file, compression="zstd")
    return file.getvalue()


def from_parquet(data: bytes) -> "pd.DataFrame":
    """Return the table in a Parquet file, its rows numbered from 0."""
    import pyarrow.parquet as pq

    return pq.read_table(io.BytesIO(data)).to_pandas()
