"""A version's data set, written for other programs: its pictures, labels and splits, and where each came from.

An export that was cut off goes on where it stopped: every file is whole or absent, and one that is there is not written
again. `export.json` is written first and says what is being written, README.md last.
"""

import io
import json
import shutil
import tarfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, assert_never

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from regraft.dataset.export_card import croissant, dataset_card
from regraft.dataset.export_pictures import Picture, exported_picture
from regraft.dataset.export_settings import ExportSettings
from regraft.dataset.misfiled import is_among
from regraft.dataset.splits import SPLITS
from regraft.errors import ConfigError, RegraftError, StoreError
from regraft.identity import Digest
from regraft.links.memory import TIME
from regraft.store.disk import Disk, disk_at, is_remote
from regraft.store.local_disk import ASIDE
from regraft.store.versions import Version

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
"""The columns of a picture: those of the manifest, and of the link that showed it last. A label is a length in cm, or
text where categories are learnt."""
STATEMENT = "export.json"
CARD = "README.md"
CROISSANT = "croissant.json"
THREADS = 8
"""Pictures that are read and encoded side by side: a bucket answers many at a time."""
ROW_GROUP_IMAGES = 100
"""Pictures that a reader of a Parquet file has to hold at a time."""
IMAGE_STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
"""How Hugging Face's data sets keep a picture: https://huggingface.co/docs/datasets/about_dataset_features."""


@dataclass(frozen=True)
class Exported:
    """What an export came to."""

    address: str
    """Where it lies."""
    images: int
    """Pictures, or rows, that it holds."""
    left_out: tuple[str, ...]
    """One sentence for each picture whose bytes cannot be read or decoded."""


def export_dataset(
    version: Version, out: str, settings: ExportSettings, progress: Callable[[int], None] = lambda images: None
) -> Exported:
    """Write a version's data set below `out`, a folder or an fsspec URL; `progress` is called with images done.

    Raises ConfigError where `out` holds something else already, StoreError where it cannot be written, VersionError
    where the version lacks a table.
    """
    disk = disk_at(out)
    _state(disk, version, settings)
    there = set(disk.sizes(""))
    rows = provenance(version)
    writer = _Writer(version, disk, settings, there, progress)
    writer.write(rows)
    about = croissant(version, rows, settings.layout)
    disk.write(CROISSANT, json.dumps(about, indent=1, ensure_ascii=False).encode())
    disk.write(CARD, dataset_card(version, rows, settings.layout).encode())
    if not is_remote(out):
        shutil.rmtree(f"{disk.address}/{ASIDE}", ignore_errors=True)  # whoever reads the folder need not see it
    return Exported(disk.address, len(rows) - len(writer.left_out), tuple(writer.left_out))


def provenance(version: Version) -> pd.DataFrame:
    """Return one row for each image of a version's manifest, columns PROVENANCE, by split, category and digest.

    `url` is the link that showed the picture most recently, `urls` are all that did.
    """
    manifest, links = version.table("manifest.parquet"), version.table("links.parquet")
    columns = ["digest", "url", "final_url", "checked_at", "first_seen"]
    links = links.assign(is_of_list=is_among(links, manifest))  # else the picture was moved to another category
    latest = links.sort_values(["is_of_list", "checked_at"], kind="stable").drop_duplicates("digest", keep="last")
    rows = manifest.merge(latest[columns], on="digest", how="left")
    order = rows["split"].map(SPLITS.index)
    return rows.assign(order=order).sort_values(["order", "category", "digest"])[[*PROVENANCE]].reset_index(drop=True)


def _state(disk: Disk, version: Version, settings: ExportSettings) -> None:
    """Write down what the folder is for. Raises ConfigError where it is for something else."""
    statement = {"version": version.name, "store": version.store.address, **asdict(settings)}
    try:
        known = disk.read(STATEMENT)
    except FileNotFoundError:
        if disk.names(""):
            raise ConfigError(f"{disk.address} is not empty; name a folder that is, or that is not there.") from None
        disk.write(STATEMENT, json.dumps(statement, indent=1).encode())
        return
    except OSError as error:
        raise StoreError(f"{disk.address} cannot be read ({error}); name another folder.") from error
    if _parsed(known) != statement:
        raise ConfigError(
            f"{disk.address} holds an export of another version, or with other options ({STATEMENT} says which); "
            "name another folder."
        )


def _parsed(statement: bytes) -> Any:
    try:
        return json.loads(statement)
    except ValueError:
        return None


class _Writer:
    """Writes the files of one export that are not there yet."""

    def __init__(
        self,
        version: Version,
        disk: Disk,
        settings: ExportSettings,
        there: set[str],
        progress: Callable[[int], None],
    ):
        self._version, self._disk, self._settings = version, disk, settings
        self._there, self._progress = there, progress
        self.left_out: list[str] = []

    def write(self, rows: pd.DataFrame) -> None:
        """Write all files of the layout."""
        match self._settings.layout:
            case "imagefolder":
                self._write_folders(rows)
            case "webdataset":
                self._write_shards(rows, "{split}-{number:06d}.tar", _tar)
            case "parquet":
                self._write_shards(rows, "{split}-{number:05d}.parquet", _parquet)
            case "huggingface":
                self._write_shards(rows, "data/{split}-{number:05d}.parquet", _parquet_with_features)
            case "csv":
                self._put("images.csv", _csv(rows))
                self._progress(len(rows))
            case _:
                assert_never(self._settings.layout)

    def _write_folders(self, rows: pd.DataFrame) -> None:
        """SPLIT/CATEGORY/DIGEST.jpg, and SPLIT/metadata.csv with a row for each."""
        for split, of_split in rows.groupby("split", sort=False):
            names = {PurePosixPath(path).stem: path.removeprefix(f"{split}/") for path in self._there}
            for shard in self._shards(of_split):
                missing = shard[~shard["digest"].isin(names.keys())]
                folders = missing["category"] + "/" + missing["digest"]
                for digest, name, picture in zip(missing["digest"], folders, self._pictures(missing), strict=True):
                    if picture is not None:
                        names[digest] = f"{name}{picture.suffix}"
                        self._put(f"{split}/{names[digest]}", picture.data)
                self._progress(len(shard))
            readable = of_split[of_split["digest"].isin(names.keys())]
            metadata = readable.assign(file_name=readable["digest"].map(names))
            self._put(f"{split}/metadata.csv", _csv(metadata, first=["file_name"]))

    def _write_shards(self, rows: pd.DataFrame, name: str, pack: "Pack") -> None:
        """One file for each so many pictures of a split."""
        categories = sorted(rows["category"].unique())
        for split, of_split in rows.groupby("split", sort=False):
            for number, shard in enumerate(self._shards(of_split)):
                path = name.format(split=split, number=number)
                if path not in self._there:
                    pictures = self._pictures(shard)
                    readable = shard[[picture is not None for picture in pictures]]
                    self._put(path, pack(readable, [picture for picture in pictures if picture], categories))
                self._progress(len(shard))

    def _shards(self, rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
        size = self._settings.shard_images
        for start in range(0, len(rows), size):
            yield rows.iloc[start : start + size]

    def _pictures(self, rows: pd.DataFrame) -> "list[Picture | None]":
        """The pictures of some rows as they are exported; None for one that cannot be read."""
        blobs, settings = self._version.store.blobs, self._settings.pictures

        def picture(digest: Digest) -> "Picture | RegraftError | ValueError":
            try:
                return exported_picture(blobs.read(digest), settings)
            except (RegraftError, ValueError) as error:
                return error

        with ThreadPoolExecutor(THREADS) as threads:
            answers = list(threads.map(picture, rows["digest"]))
        problems = ((d, a) for d, a in zip(rows["digest"], answers, strict=True) if isinstance(a, Exception))
        self.left_out += [f"{digest}: {problem}" for digest, problem in problems]
        return [None if isinstance(answer, Exception) else answer for answer in answers]

    def _put(self, path: str, data: bytes) -> None:
        if path in self._there:
            return
        try:
            self._disk.write(path, data)
        except OSError as error:
            raise StoreError(
                f"{self._disk.address}/{path} cannot be written ({error}). What is written already stays: the same "
                "command goes on from there."
            ) from error


Pack = Callable[[pd.DataFrame, Sequence[Picture], Sequence[str]], bytes]
"""Packs rows and their pictures into one file; gets the categories too, in their order."""


def _tar(rows: pd.DataFrame, pictures: Sequence[Picture], categories: Sequence[str]) -> bytes:
    """A tar file of DIGEST.jpg, DIGEST.cls and DIGEST.json: https://github.com/webdataset/webdataset."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for row, picture in zip(_table(rows).to_pylist(), pictures, strict=True):
            members = {
                picture.suffix: picture.data,
                ".cls": str(categories.index(row["category"])).encode(),
                ".json": json.dumps(row, ensure_ascii=False, default=datetime.isoformat).encode(),
            }
            for suffix, data in members.items():
                member = tarfile.TarInfo(f"{row['digest']}{suffix}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    return file.getvalue()


def _parquet(rows: pd.DataFrame, pictures: Sequence[Picture], categories: Sequence[str]) -> bytes:
    """A Parquet file with the pictures' bytes in a column."""
    column = pa.array([picture.data for picture in pictures], pa.binary())
    return _parquet_bytes(_table(rows).add_column(0, "image", column))


def _parquet_with_features(rows: pd.DataFrame, pictures: Sequence[Picture], categories: Sequence[str]) -> bytes:
    """A Parquet file that says of itself which column holds pictures and which one classes.

    https://huggingface.co/docs/datasets/about_dataset_features
    """
    names = [f"{digest}{picture.suffix}" for digest, picture in zip(rows["digest"], pictures, strict=True)]
    images = [{"bytes": picture.data, "path": name} for picture, name in zip(pictures, names, strict=True)]
    classes = pa.array(rows["category"].map(list(categories).index), pa.int64())
    table = _table(rows)
    table = table.set_column(table.column_names.index("category"), "category", classes)
    table = table.add_column(0, "image", pa.array(images, IMAGE_STRUCT))
    features: dict[str, Any] = {field.name: _feature(field.type) for field in table.schema}
    features["category"] = {"names": list(categories), "_type": "ClassLabel"}
    about = json.dumps({"info": {"features": features}})
    return _parquet_bytes(table.replace_schema_metadata({"huggingface": about}))


def _feature(kind: pa.DataType) -> dict[str, Any]:
    """What Hugging Face's data sets call a column's type."""
    if kind == IMAGE_STRUCT:
        return {"_type": "Image"}
    if pa.types.is_list(kind):
        return {"feature": _feature(kind.value_type), "_type": "List"}
    names = {pa.float64(): "float64", TIME: "timestamp[us, tz=UTC]"}
    return {"dtype": names.get(kind, str(kind)), "_type": "Value"}


def _table(rows: pd.DataFrame) -> pa.Table:
    """Rows as an Arrow table that has the same columns in every file of an export."""
    label = pa.float64() if pd.api.types.is_numeric_dtype(rows["label"]) else pa.string()
    schema = pa.schema([(name, label if name == "label" else kind) for name, kind in PROVENANCE.items()])
    return pa.Table.from_pandas(rows, schema=schema, preserve_index=False).replace_schema_metadata(None)


def _parquet_bytes(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, compression="none", row_group_size=ROW_GROUP_IMAGES)  # pictures are packed already
    return file.getvalue()


def _csv(rows: pd.DataFrame, first: Sequence[str] = ()) -> bytes:
    """Rows as CSV; the URLs of one picture with spaces between them, as URLs have none of their own."""
    text: str = rows.assign(urls=rows["urls"].map(" ".join))[[*first, *PROVENANCE]].to_csv(index=False)
    return text.encode()
