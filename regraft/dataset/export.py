"""A version's data set, written for other programs: its pictures, labels and splits, and where each came from.

An export that was cut off goes on where it stopped: every file is whole or absent, and one that is there is not written
again. `export.json` is written first and says what is being written, README.md last.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar, assert_never

import pandas as pd

from regraft.dataset.export_card import dataset_card
from regraft.dataset.export_croissant import croissant
from regraft.dataset.export_files import Pack, metadata, parquet, parquet_with_features, tar
from regraft.dataset.export_pictures import Picture, exported_picture
from regraft.dataset.export_rows import csv_of, provenance
from regraft.dataset.export_settings import ExportSettings
from regraft.errors import ConfigError, CorruptError, StoreError
from regraft.identity import Digest
from regraft.store.disk import Disk, disk_at, is_remote
from regraft.store.local_disk import ASIDE
from regraft.store.version import Version

STATEMENT = "export.json"
CARD = "README.md"
CROISSANT = "croissant.json"
LEFT_OUT = "left_out.json"
"""By digest, why a picture is not there: an export that goes on still knows. No such file where all pictures are."""
Result = TypeVar("Result")
THREADS = 8
"""Pictures that are read and encoded side by side: a bucket answers many at a time."""


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

    Raises ConfigError where `out` lies in the store, is a file or holds something else already, StoreError where it
    cannot be written or an export that was cut off there is damaged, VersionError where the version lacks a table.
    """
    disk = disk_at(out)
    if _lies_in(disk.address, version.store.address):
        problem = f"{disk.address} lies in the store, where what is removed from the store would be left"
        raise ConfigError(f"{problem}; name a folder elsewhere.")
    if not is_remote(out):
        _check_no_file(Path(disk.address))
    _state(disk, version, settings)
    there = set(disk.sizes(""))
    rows = provenance(version)
    writer = _Writer(version, disk, settings, there, progress)
    writer.write(rows)
    if not writer.left_out:
        disk.delete(LEFT_OUT)
    rows = rows[~rows["digest"].isin(writer.left_out.keys())]
    about = croissant(version, rows, settings.layout)
    disk.write(CROISSANT, json.dumps(about, indent=1, ensure_ascii=False).encode())
    disk.write(CARD, dataset_card(version, rows, settings.layout).encode())
    if not is_remote(out):
        shutil.rmtree(f"{disk.address}/{ASIDE}", ignore_errors=True)  # whoever reads the folder need not see it
    return Exported(disk.address, len(rows), tuple(f"{digest}: {why}" for digest, why in writer.left_out.items()))


def _lies_in(address: str, folder: str) -> bool:
    """Whether a folder or a URL is another one or lies in it, wherever links lead."""
    if not is_remote(address):
        address, folder = os.path.realpath(address), os.path.realpath(folder)
    return f"{address}/".startswith(f"{folder}/")


def _check_no_file(folder: Path) -> None:
    """Raise ConfigError where a file lies in a folder's place, or in that of one above it."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    if not there.is_dir():
        raise ConfigError(f"{there} is a file; name a folder that is empty, or not there.")


def _state(disk: Disk, version: Version, settings: ExportSettings) -> None:
    """Write down what the folder is for. Raises ConfigError where it is for something else."""
    manifest = version.digests.get("manifest.parquet")  # another one once somebody had a picture removed
    statement = {"version": version.name, "store": version.store.address, "manifest": manifest, **asdict(settings)}
    try:
        known = disk.read(STATEMENT)
    except FileNotFoundError:
        if disk.names(""):
            raise ConfigError(f"{disk.address} is not empty; name a folder that is, or that is not there.") from None
        disk.write(STATEMENT, json.dumps(statement, indent=1).encode())
        return
    if _parsed(known) != statement:
        raise ConfigError(
            f"{disk.address} holds an export of another version, of this one before a picture was removed from it, or "
            f"with other options ({STATEMENT} says which); name another folder."
        )


def _left_out(disk: Disk) -> dict[Digest, str]:
    """What an export that was cut off has left out. Raises StoreError where nobody can tell."""
    left_out = _parsed(disk.read(LEFT_OUT))
    if not isinstance(left_out, dict):
        raise StoreError(f"{LEFT_OUT} in {disk.address} is damaged: name another folder, or delete this one.")
    return left_out


def _parsed(data: bytes) -> Any:
    """What some JSON holds; None where it is damaged."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
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
        self.left_out: dict[Digest, str] = _left_out(disk) if LEFT_OUT in there else {}
        """By digest, why a picture is not there."""

    def write(self, rows: pd.DataFrame) -> None:
        """Write all files of the layout."""
        match self._settings.layout:
            case "imagefolder":
                self._write_folders(rows)
            case "webdataset":
                self._write_shards(rows, "{split}-{number:06d}.tar", tar)
            case "parquet":
                self._write_shards(rows, "{split}-{number:05d}.parquet", parquet)
            case "huggingface":
                self._write_shards(rows, "data/{split}-{number:05d}.parquet", parquet_with_features)
            case "csv":
                self._put("images.csv", csv_of(rows))
                self._progress(len(rows))
            case _:
                assert_never(self._settings.layout)

    def _write_folders(self, rows: pd.DataFrame) -> None:
        """SPLIT/CATEGORY/DIGEST.jpg, and SPLIT/metadata.parquet with a row for each."""
        for split, of_split in rows.groupby("split", sort=False):
            paths = [path.removeprefix(f"{split}/") for path in self._there if path.startswith(f"{split}/")]
            names = {Digest(PurePosixPath(path).stem): path for path in paths}
            missing = of_split[~of_split["digest"].isin(names.keys())]
            self._progress(len(of_split) - len(missing))
            for shard in self._shards(missing):
                folders = dict(zip(shard["digest"], shard["category"], strict=True))
                names |= self._each_picture(shard, partial(self._put_picture, f"{split}/", folders))
            readable = of_split[of_split["digest"].isin(names.keys())]
            file_names = [names[digest] for digest in readable["digest"]]
            self._put(f"{split}/metadata.parquet", metadata(readable, file_names))

    def _put_picture(self, split: str, folders: Mapping[Digest, str], digest: Digest, picture: Picture) -> str:
        """Write a picture into its folder, and return its path there."""
        path = f"{folders[digest]}/{digest}{picture.suffix}"
        self._put(f"{split}{path}", picture.data)
        return path

    def _write_shards(self, rows: pd.DataFrame, name: str, pack: Pack) -> None:
        """One file for each so many pictures of a split."""
        categories = sorted(rows["category"].unique())
        for split, of_split in rows.groupby("split", sort=False):
            for number, shard in enumerate(self._shards(of_split)):
                path = name.format(split=split, number=number)
                if path in self._there:
                    self._progress(len(shard))
                    continue
                pictures = self._each_picture(shard, lambda digest, picture: picture)
                readable = shard[shard["digest"].isin(pictures.keys())]
                self._put(path, pack(readable, list(pictures.values()), categories))

    def _shards(self, rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
        size = self._settings.shard_images
        for start in range(0, len(rows), size):
            yield rows.iloc[start : start + size]

    def _each_picture(self, rows: pd.DataFrame, act: Callable[[Digest, Picture], Result]) -> dict[Digest, Result]:
        """Read and encode pictures side by side, and return what `act` makes of each, in their order.

        Those that are gone, damaged or do not decode are left out, and written down before any file lacks them. Raises
        StoreError where the store cannot be read: then none of them is.
        """
        blobs, settings = self._version.store.blobs, self._settings.pictures
        digests = [Digest(digest) for digest in rows["digest"]]

        def result(digest: Digest) -> Result | Exception:
            try:
                picture = exported_picture(blobs.read(digest), settings)
            except (CorruptError, ValueError) as error:
                return error
            return act(digest, picture)

        results: dict[Digest, Result] = {}
        seen = set(digests)
        left_out = {digest: why for digest, why in self.left_out.items() if digest not in seen}
        with ThreadPoolExecutor(THREADS) as threads:
            for digest, answer in zip(digests, threads.map(result, digests), strict=True):
                self._progress(1)
                if isinstance(answer, Exception):
                    left_out[digest] = str(answer)
                else:
                    results[digest] = answer
        if left_out != self.left_out:
            self.left_out = left_out
            self._disk.write(LEFT_OUT, json.dumps(left_out, indent=1).encode())
        return results

    def _put(self, path: str, data: bytes) -> None:
        if path in self._there:
            return
        try:
            self._disk.write(path, data)
        except StoreError as error:
            raise StoreError(f"{error} What is written already stays: the same command goes on from there.") from error
