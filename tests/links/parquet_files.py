"""Lists as Parquet files."""

import io

import pyarrow as pa
import pyarrow.parquet as pq


def parquet(**columns: object) -> bytes:
    """The Parquet file of some columns, by their names."""
    return parquet_of_names([*columns], *columns.values())


def parquet_of_names(names: list[str], *columns: object) -> bytes:
    """The same of columns of which several may have one name."""
    file = io.BytesIO()
    pq.write_table(pa.table([*columns], names), file)
    return file.getvalue()
