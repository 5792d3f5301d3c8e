"""What a run under way has made and not yet published, by digest.

A trained head or a table goes from task to task as its digest, and its bytes lie here until the run ends. So a task
needs nothing of the machine that an earlier task ran on.
"""

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from regraft.identity import Digest
from regraft.store.blobs import Blob, Blobs
from regraft.store.disk import Disk
from regraft.store.root import DRAFTS

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

MAX_RECENT_BYTES = 64_000_000
"""Of the drafts that a process put last and need not read again."""


class Drafts:
    """The drafts in one store. Safe to use from many processes and threads."""

    def __init__(self, disk: Disk):
        self._disk = disk
        self._files = Blobs(disk, DRAFTS, "drafts last as long as the run that made them, so run again")
        self._lock = threading.Lock()
        self._recent: dict[Digest, bytes] = {}

    def __iter__(self) -> Iterator[Blob]:
        """Yield every draft."""
        return iter(self._files)

    def put(self, data: bytes) -> Digest:
        """Keep bytes and return their digest."""
        digest = self._files.put(data)
        with self._lock:
            self._recent[digest] = data
            while sum(map(len, self._recent.values())) > MAX_RECENT_BYTES:
                del self._recent[next(iter(self._recent))]
        return digest

    def read(self, digest: Digest) -> bytes:
        """Return a draft's bytes. Raises StoreError where they are gone, CorruptError where they are damaged."""
        with self._lock:
            recent = self._recent.get(digest)
        return self._files.read(digest) if recent is None else recent

    def put_table(self, table: "pd.DataFrame") -> Digest:
        """Keep a table, without its index, and return the digest of its Parquet file."""
        from regraft.store.tables import parquet  # the fetching processes and `regraft versions` need no tables

        return self.put(parquet(table))

    def put_arrow(self, table: "pa.Table") -> Digest:
        """Keep an Arrow table, whose whole numbers and nulls pandas would not keep; return the digest of its file."""
        from regraft.store.tables import parquet_of_arrow

        return self.put(parquet_of_arrow(table))

    def table(self, digest: Digest) -> "pd.DataFrame":
        """Return a table that was put, its rows numbered from 0. Raises StoreError, CorruptError as `read` does."""
        from regraft.store.tables import from_parquet

        return from_parquet(self.read(digest))

    def sweep(self) -> None:
        """Remove all drafts. Only for the holder of the store's lock: nobody else can know that no run needs them."""
        with self._lock:
            self._recent.clear()
        self._disk.delete_folder(DRAFTS)
