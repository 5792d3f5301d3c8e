"""The store: everything expensive is kept here and found again, in a folder or below any fsspec URL.

store.json                           the store's format, and how its links are cut into files (layout.py)
blobs/ab/cdef...                     image bytes as fetched, write-once (blobs.py)
links/<layout>/03-0007.parquet       what is known of the links of a lane and shard (links/memory.py)
links/<layout>/03-0007-guests-05...  what lane 5 has found of some of them, until a run's end (links/guests.py)
links/placeholders.parquet           pictures and addresses known to stand for photos that are gone
links/no_placeholders.parquet        those that somebody took back
links/misfiled.parquet               pictures known to be in the wrong list
links/doubtful.parquet               pictures that may be in the wrong list (all four in dataset/)
features/<backbone fingerprint>/     parts, only ever added, and their index (features.py)
networks/<backbone fingerprint>/     backbones as LiteRT models, to predict without TensorFlow (networks.py)
decisions/00000042.json              what persons decided about pictures (dataset/decisions.py)
drafts/ab/cdef...                    what a run under way has made and not yet published (drafts.py)
versions/<version>/                  immutable once published (versions.py)
champion.json                        which version is in use (versions.py)
removals.parquet                     what must not come back, as hashes (links/removals.py)
receipts/<id>.json, .html            what was removed where; removing.json is one under way (upkeep/receipt.py)
run.json                             the run under way, or the one that was cut off (locks.py)
lock, champion.lock                  held by whoever runs, and by whoever moves the champion
tmp/                                 files that are being written
"""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime

from regraft.store import blobs, locks
from regraft.store.blobs import Blobs
from regraft.store.disk import Disk, disk_at
from regraft.store.drafts import Drafts
from regraft.store.features import Features
from regraft.store.layout import Layout, layout_of
from regraft.store.locks import RunStart
from regraft.store.networks import Networks
from regraft.store.tables import Tables


class Store:
    """A folder or an fsspec URL, and what it holds. Cheap to open; safe to use from many processes.

    Raises StoreError where no file system speaks that URL, or where a newer Regraft wrote what lies there. The versions
    in a store are found by `versions`. `nearby` is a folder of this machine where pictures of a bucket lie too; `disk`
    is handed in where it is not the one that the URL names.
    """

    def __init__(self, url: str, nearby: str | None = None, disk: Disk | None = None):
        self.url = url
        """What it was opened by."""
        self.disk = disk or disk_at(url)
        """Where its files lie."""
        self.blobs = Blobs(self.disk, nearby=nearby)
        """Image bytes by digest."""
        self.tables = Tables(self.disk)
        """What is remembered of links and pictures."""
        self.features = Features(self.disk)
        """Features by backbone and digest."""
        self.networks = Networks(self.disk)
        """Backbones as LiteRT models."""
        self.drafts = Drafts(self.disk)
        """What the run under way has made."""
        layout_of(self.disk)  # refuses what a newer Regraft wrote, before anything else is read

    @property
    def address(self) -> str:
        """Where it lies, for people and programs: a folder's absolute path, or a URL."""
        return self.disk.address

    @property
    def layout(self) -> Layout | None:
        """How what it knows of links is cut into files, as it is now; None where it knows of none yet."""
        return layout_of(self.disk)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the store for a change that no run may get in the way of.

        What somebody who was cut off had written aside goes. Raises LockedError while a run is under way, StoreError
        where the store cannot be written.
        """
        self.disk.check_writable()
        with locks.run_locked(self.disk):
            locks.sweep(self.disk, beside=[blobs.FOLDER])
            yield

    @contextlib.contextmanager
    def run(self, name: str = "", now: datetime | None = None) -> Iterator[RunStart]:
        """Hold the store for one run, of that name, that begins now. Raises LockedError, StoreError as `held` does."""
        with self.held(), locks.run_marked(self.disk, name, now or datetime.now(UTC)) as start:
            yield start
