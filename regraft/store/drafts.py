"""What a run under way has made and not yet published, by digest.

A trained head or a table goes from task to task as its digest, and its bytes lie here until the run ends. So a task
needs nothing of the machine that an earlier task ran on.
"""

import io
import re
from typing import TYPE_CHECKING

from regraft.errors import CorruptError, StoreError
from regraft.identity import Digest, digest_of
from regraft.store.disk import Disk

if TYPE_CHECKING:
    import pandas as pd

FOLDER = "drafts"
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Drafts:
    """The drafts in one store. Safe to use from many processes and threads."""

    def __init__(self, disk: Disk):
        self._disk = disk

    def put(self, data: bytes) -> Digest:
        """Keep bytes and return their digest. Bytes that are there already, and whole, are not written again."""
        digest = digest_of(data)
        path = _path(digest)
        if not self._disk.exists(path) or self._disk.read(path) != data:
            self._disk.write_unsettled(path, data)
        return digest

    def read(self, digest: Digest) -> bytes:
        """Return a draft's bytes. Raises StoreError where they are gone, CorruptError where they are damaged."""
        try:
            data = self._disk.read(_path(digest))
        except FileNotFoundError:
            raise StoreError(
                f"The draft {digest[:12]} is gone: drafts last as long as the run that made them. Run again."
            ) from None
        if digest_of(data) != digest:
            self._disk.delete(_path(digest))
            raise CorruptError(f"The draft {digest[:12]} was damaged and is removed. Run again.")
        return data

    def put_table(self, table: "pd.DataFrame") -> Digest:
        """Keep a table, without its index, and return the digest of its Parquet file."""
        from regraft.store.tables import parquet

        return self.put(parquet(table))

    def table(self, digest: Digest) -> "pd.DataFrame":
        """Return a table that was put, rows numbered from 0. Raises CorruptError, StoreError as `read` does."""
        import pyarrow.parquet as pq

        return pq.read_table(io.BytesIO(self.read(digest))).to_pandas()

    def sweep(self) -> None:
        """Drop all drafts. Only for whoever holds the store's lock: another run's drafts would go as well."""
        self._disk.delete(FOLDER)


def _path(digest: Digest) -> str:
    if not _DIGEST.fullmatch(digest):
        raise StoreError(f"{digest!r} is not a digest: expected 64 lower-case hex digits.")
    return f"{FOLDER}/{digest[:2]}/{digest[2:]}"
