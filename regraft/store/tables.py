"""Tables as the bytes of Parquet files."""

import io

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq


def parquet(table: pd.DataFrame, schema: pa.Schema | None = None) -> bytes:
    """Return a table as the bytes of a Parquet file, its columns cast to `schema`."""
    return _parquet(pa.Table.from_pandas(table, schema=schema, preserve_index=False))


def _parquet(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(None), file, compression="zstd")
    return file.getvalue()
