"""Files of an exported data set that hold many pictures: tar files for webdataset, and Parquet."""

import io
import json
import tarfile
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from regraft.dataset.export_pictures import Picture
from regraft.dataset.export_rows import schema_of, table_of
from regraft.links.memory import TIME

ROW_GROUP_IMAGES = 100
"""Pictures that a reader of a Parquet file has to hold at a time."""
IMAGE_STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
"""How Hugging Face's data sets keep a picture: https://huggingface.co/docs/datasets/about_dataset_features."""
Pack = Callable[[pd.DataFrame, Sequence[Picture], Sequence[str]], bytes]
"""Packs rows of `provenance` and their pictures into one file; gets the categories too, in their order."""


def tar(rows: pd.DataFrame, pictures: Sequence[Picture], categories: Sequence[str]) -> bytes:
    """Return a tar file of DIGEST.jpg, DIGEST.cls and DIGEST.json: https://github.com/webdataset/webdataset."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for row, picture in zip(table_of(rows).to_pylist(), pictures, strict=True):
            members = {
                picture.suffix: picture.data,
                ".cls": str(categories.index(row["category"])).encode(),
                ".json": json.dumps(row, ensure_ascii=False, default=datetime.isoformat).encode(),
            }
            for suffix, data in members.items():
                member = tarfile.TarInfo(f"{row['digest']}{suffix}")
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    return file.getvalue()


def parquet(rows: pd.DataFrame, pictures: Sequence[Picture], categories: Sequence[str]) -> bytes:
    """Return a Parquet file with the pictures' bytes in a column."""
    column = pa.array([picture.data for picture in pictures], pa.binary())
    return _parquet_bytes(table_of(rows).add_column(0, "image", column))


def parquet_with_features(rows: pd.DataFrame, pictures: Sequence[Picture], categories: Sequence[str]) -> bytes:
    """Return a Parquet file that says of itself which column holds pictures and which one classes."""
    names = [f"{digest}{picture.suffix}" for digest, picture in zip(rows["digest"], pictures, strict=True)]
    images = [{"bytes": picture.data, "path": name} for picture, name in zip(pictures, names, strict=True)]
    classes = pa.array(rows["category"].map(list(categories).index), pa.int64())
    table = table_of(rows)
    table = table.set_column(table.column_names.index("category"), "category", classes)
    table = table.add_column(0, "image", pa.array(images, IMAGE_STRUCT))
    about = json.dumps({"info": {"features": features(rows, categories)}})
    return _parquet_bytes(table.replace_schema_metadata({"huggingface": about}))


def metadata(rows: pd.DataFrame, file_names: Sequence[str]) -> bytes:
    """Return a Parquet file with the columns of pictures that are files beside it.

    Every such file of a data set has the same types, which readers of CSV would guess from each split alone.
    """
    return _parquet_bytes(table_of(rows).add_column(0, "file_name", pa.array(file_names, pa.string())))


def features(rows: pd.DataFrame, categories: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the columns of `parquet_with_features` as Hugging Face's data sets describe them.

    https://huggingface.co/docs/datasets/about_dataset_features
    """
    of_rows = {column.name: _feature(column.type) for column in schema_of(rows)}
    return {"image": {"_type": "Image"}} | of_rows | {"category": {"names": list(categories), "_type": "ClassLabel"}}


def _feature(kind: pa.DataType) -> dict[str, Any]:
    """What Hugging Face's data sets call a column's type."""
    if pa.types.is_list(kind):
        return {"feature": _feature(kind.value_type), "_type": "List"}
    names = {pa.float64(): "float64", TIME: "timestamp[us, tz=UTC]"}
    return {"dtype": names.get(kind, str(kind)), "_type": "Value"}


def _parquet_bytes(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, compression="none", row_group_size=ROW_GROUP_IMAGES)  # pictures are packed already
    return file.getvalue()
