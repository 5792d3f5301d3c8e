"""The store: blobs by digest, the memory of links, features, the lock. Everything expensive is found here again.

blobs/ab/cdef...                     image bytes as fetched, write-once
links/shard-0007.parquet             what is known of every link of that shard
links/placeholders.parquet           pictures and addresses known to stand for photos that are gone
links/misfiled.parquet               pictures known to be in the wrong list
features/<backbone fingerprint>/     append-only
drafts/ab/cdef...                    what a run under way has made and not yet published (drafts.py)
versions/<version>/                  immutable once published (versions.py)
champion.json                        the pointer (versions.py)
run.json                             the run under way, or the one that was cut off
"""

import contextlib
import io
import json
import logging
import os
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import filelock
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from regraft.errors import LockedError, StoreError
from regraft.store.blobs import Blobs
from regraft.store.disk import LocalDisk
from regraft.store.drafts import Drafts
from regraft.store.features import _part_name, is_whole
from regraft.store.locks import LEASE, RUN, Turn
from regraft.store.tables import _parquet, parquet

log = logging.getLogger("regraft")


class Store(Blobs):
    """A folder or an fsspec URL, and what it holds. Cheap to open; safe to use from many processes."""

    def __init__(self, url: str):
        super().__init__(url)
        self.drafts = Drafts(self.disk)

    def table(self, path: str, schema: pa.Schema) -> pd.DataFrame:
        """Return a table of the memory, columns of `schema`; an unreadable memory is an empty one."""
        try:
            table = pq.read_table(io.BytesIO(self.disk.read(path)))
            return table.select(schema.names).cast(schema).to_pandas()
        except (FileNotFoundError, pa.ArrowException, KeyError):
            return schema.empty_table().to_pandas()

    def put_table(self, path: str, table: pd.DataFrame, schema: pa.Schema) -> None:
        """Replace a table of the memory, once the blobs that it names are safe."""
        self.disk.settle()
        self.disk.write(path, parquet(table, schema))

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
