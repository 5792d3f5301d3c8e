"""The store: blobs by digest, the memory of links, features, the lock. Everything expensive is found here again.

blobs/ab/cdef...                     image bytes as fetched, write-once
links/shard-0007.parquet             what is known of every link of that shard
links/placeholders.parquet           pictures and addresses known to stand for photos that are gone
links/misfiled.parquet               pictures known to be in the wrong list
features/<backbone fingerprint>/     append-only
versions/<version>/                  immutable once published (versions.py)
champion.json                        the pointer (versions.py)
run.json                             the run under way, or the one that was cut off
"""

import contextlib
import hashlib
import io
import json
import logging
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import filelock
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from regraft import links
from regraft.blobs import Blobs
from regraft.disk import LocalDisk
from regraft.errors import LockedError, StoreError

log = logging.getLogger("regraft")
RUN = "run.json"
LEASE = timedelta(hours=6)
"""A remote store cannot tell whether the run that locked it still lives; after this long its lock is taken over."""


class Store(Blobs):
    """A folder or an fsspec URL, and what it holds. Cheap to open; safe to use from many processes."""

    # the memory of links

    def links(self, shard: int) -> pd.DataFrame:
        """Return what is known of a shard's links, columns of links.MEMORY; an unreadable memory is an empty one."""
        return self._table(_shard(shard), links.MEMORY)

    def put_links(self, shard: int, table: pd.DataFrame) -> None:
        """Replace what is known of a shard's links, once the blobs that they name are safe."""
        self.disk.settle()
        self.disk.write(_shard(shard), parquet(table, links.MEMORY))

    def placeholders(self) -> pd.DataFrame:
        """Return the known placeholders, columns PLACEHOLDERS."""
        return self._table("links/placeholders.parquet", PLACEHOLDERS)

    def put_placeholders(self, table: pd.DataFrame) -> None:
        """Replace the known placeholders."""
        self.disk.write("links/placeholders.parquet", parquet(table, PLACEHOLDERS))

    def misfiled(self) -> pd.DataFrame:
        """Return the pictures known to be in the wrong list, columns MISFILED."""
        return self._table("links/misfiled.parquet", MISFILED)

    def put_misfiled(self, table: pd.DataFrame) -> None:
        """Replace the known misfiled pictures."""
        self.disk.write("links/misfiled.parquet", parquet(table, MISFILED))

    def _table(self, path: str, schema: pa.Schema) -> pd.DataFrame:
        try:
            table = pq.read_table(io.BytesIO(self.disk.read(path)))
            return table.select(schema.names).cast(schema).to_pandas()
        except (FileNotFoundError, pa.ArrowException, KeyError):
            return schema.empty_table().to_pandas()

    # features

    def features(self, fingerprint: str, digests: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Return the features known for some digests: {digest: (D,) float32}. A damaged part counts as unknown."""
        wanted = set(digests)
        found: dict[str, NDArray[np.float32]] = {}
        for name in self.disk.names(f"features/{fingerprint}"):
            path = f"features/{fingerprint}/{name}"
            try:
                data = self.disk.read(path)
            except FileNotFoundError:  # pruned just now
                continue
            if not is_whole(data, name):
                log.warning("%s is damaged; what it held is computed again, `regraft verify --repair` drops it.", path)
                continue
            table = pq.read_table(io.BytesIO(data))
            column = table.column("features").combine_chunks()
            rows = np.asarray(column.flatten(), dtype=np.float32).reshape(len(table), -1)
            names = table.column("digest").to_pylist()
            found |= {digest: row for digest, row in zip(names, rows, strict=True) if digest in wanted}
        return found

    def put_features(self, fingerprint: str, digests: Sequence[str], rows: NDArray[np.float32]) -> None:
        """Append features, (N, D) float32, of N digests."""
        values = pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), rows.shape[1])
        table = pa.table({"digest": list(digests), "features": values})
        data = _parquet(table)
        self.disk.write(f"features/{fingerprint}/{_part_name(data)}", data)

    # runs

    @contextlib.contextmanager
    def run(self, name: str = "") -> Iterator["Turn"]:
        """Hold the store for one run, of that name. Raises LockedError while another run is under way.

        Raises StoreError where the store cannot be written.
        """
        with self.held():
            turn = self._cut_off() or Turn(datetime.now(UTC))
            about = {"since": turn.since.isoformat(), "name": name, "pid": os.getpid(), "at": time.time()}
            self.disk.write(RUN, json.dumps(about).encode())
            yield turn
            self.disk.delete(RUN)

    def check_writable(self) -> None:
        """Raise StoreError where the store cannot be written."""
        try:
            self.disk.write("tmp/probe", b"")
            self.disk.delete("tmp/probe")
        except Exception as error:  # every file system raises its own
            raise StoreError(
                f"The store {self.url} cannot be written ({error}). Give another: `store:` in the config, or --store."
            ) from error

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the store for a change that no run may get in the way of. Raises LockedError, StoreError."""
        self.check_writable()
        disk = self.disk
        if isinstance(disk, LocalDisk):  # the system frees this lock when its holder dies
            lock = filelock.FileLock(disk.root / "lock")
            try:
                lock.acquire(timeout=0)
            except filelock.Timeout:
                raise LockedError(self._busy()) from None
            try:
                yield
            finally:
                lock.release()
        else:
            self._lease()
            try:
                yield
            finally:
                disk.delete("lock")

    def _lease(self) -> None:
        mine = json.dumps({"pid": os.getpid(), "until": (datetime.now(UTC) + LEASE).isoformat()}).encode()
        if self.disk.create("lock", mine):
            return
        with contextlib.suppress(FileNotFoundError, ValueError, KeyError):
            if datetime.fromisoformat(json.loads(self.disk.read("lock"))["until"]) > datetime.now(UTC):
                raise LockedError(self._busy())
        self.disk.delete("lock")
        if not self.disk.create("lock", mine):
            raise LockedError(self._busy())

    def _busy(self) -> str:
        return (
            f"Another run is under way in the store {self.url}; nothing was changed. "
            "Wait for it to end, or give this run another store."
        )

    def _cut_off(self) -> "Turn | None":
        """The turn of a run that began here and never ended."""
        try:
            told = json.loads(self.disk.read(RUN))
            return Turn(datetime.fromisoformat(told["since"]), str(told.get("name", "")))
        except (FileNotFoundError, ValueError, KeyError):
            return None


@dataclass(frozen=True)
class Turn:
    """A run's turn at a store."""

    since: datetime
    """Checks of links since then count as this run's: now, or the start of a run that was cut off, so that what that
    one had checked is not asked again."""
    cut_off: str = ""
    """The name of the run that was cut off."""


PLACEHOLDERS = pa.schema(
    [
        ("digest", pa.string()), ("final_url", pa.string()), ("phash", pa.string()), ("width", pa.int32()),
        ("height", pa.int32()), ("first_seen", links.SCHEMA.field("first_seen").type),
    ]
)  # fmt: skip
"""A placeholder's signature is the bytes, or the address that links redirect to, or the picture and its size."""


MISFILED = pa.schema(
    [
        ("digest", pa.string()), ("category", pa.string()), ("like", pa.string()),
        ("first_seen", links.SCHEMA.field("first_seen").type), ("accepted", pa.bool_()),
    ]
)  # fmt: skip
"""A picture, the category whose list shows it, the one that it is like, and whether somebody took it for right."""


def parquet(table: pd.DataFrame, schema: pa.Schema | None = None) -> bytes:
    """Return a table as the bytes of a Parquet file, its columns cast to `schema`."""
    return _parquet(pa.Table.from_pandas(table, schema=schema, preserve_index=False))


def is_whole(data: bytes, name: str) -> bool:
    """Tell whether a part of the features holds the bytes that its name tells."""
    return _part_name(data) == name


def _part_name(data: bytes) -> str:
    return f"{hashlib.sha256(data).hexdigest()[:16]}.parquet"


def _parquet(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(None), file, compression="zstd")
    return file.getvalue()


def _shard(shard: int) -> str:
    return f"links/shard-{shard:04d}.parquet"
