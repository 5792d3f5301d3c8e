"""A receipt: what was removed where, with the digests of every file before and after; as JSON and as a page.

It holds hashes only, so it may be shown to whoever asked. `removing.json` is a receipt that is not finished yet.
"""

import contextlib
import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import ClassVar

import jinja2
from pydantic import AwareDatetime, Field

from regraft.errors import CorruptError
from regraft.identity import Digest
from regraft.links.removals import HASHES, Kind, Removal, Removals
from regraft.store.records import FileRecord, Record
from regraft.store.root import RECEIPTS, REMOVALS, REMOVING
from regraft.store.run_record import FileChange
from regraft.store.store import Store
from regraft.store.versions import free_name

log = logging.getLogger("regraft")


class RemovedHash(Record):
    """What must not come back, as in `removals.parquet`."""

    kind: Kind
    """What the hash is of."""
    hash: Digest = Field(pattern=HASHES["hash"])
    """64 hex digits."""
    phash: str = Field(default="", pattern=HASHES["phash"])
    """The perceptual hash of a picture."""
    host: str = Field(default="", pattern=HASHES["host"])
    """Of a link, the hash of its host."""


class VersionChange(Record):
    """What a version lost."""

    version: str
    """Its name."""
    pictures: int
    """Pictures of its manifest."""
    learnt: int
    """Those of them that its head has learnt from, and still has in its weights."""
    is_champion: bool
    """Whether it was in use then."""


class Receipt(FileRecord):
    """One removal."""

    file: ClassVar[str] = "receipt.json"
    id: str
    """Names it: when it was begun."""
    removed_at: AwareDatetime
    """When it was begun, to the second."""
    why: str
    """The words of who removed it."""
    hashes: tuple[RemovedHash, ...]
    """What must not come back, and what looks like it and was left in."""
    versions: tuple[VersionChange, ...]
    """The versions that changed."""
    files: dict[str, FileChange]
    """Every file that changed, by its path in the store; `after` is None where it is gone."""
    prefect: str = ""
    """What became of the artifacts in Prefect's dashboard; empty where nobody has looked yet."""

    @property
    def rows(self) -> list[Removal]:
        """What it adds to `removals.parquet`."""
        return [Removal(**dict(its), removed_at=self.removed_at, why=self.why) for its in self.hashes]

    @property
    def count(self) -> dict[Kind, int]:
        """How many of each kind were removed, or spared."""
        return counts_by_kind(self.hashes)

    @property
    def learnt(self) -> list[VersionChange]:
        """The versions whose head has learnt from a removed picture."""
        return [version for version in self.versions if version.learnt]


def counts_by_kind(hashes: Iterable[RemovedHash]) -> dict[Kind, int]:
    """Return how many hashes there are of each kind."""
    kinds = Counter(its.kind for its in hashes)
    return {kind: kinds[kind] for kind in Kind}


def removals_of(hashes: Iterable[RemovedHash]) -> Removals:
    """Return what some hashes name."""
    long_ago = datetime.fromtimestamp(0, UTC)
    return Removals.of(Removal(**dict(its), removed_at=long_ago, why="") for its in hashes)


def receipts(store: Store) -> Iterator[Receipt]:
    """Yield all receipts, the oldest first. Damaged ones are stepped over, with a warning."""
    for path in receipt_paths(store):
        try:
            yield read_receipt(store, path)
        except CorruptError as error:
            log.warning("%s It is stepped over.", error)
        except FileNotFoundError:  # no file, but a folder or an endless link
            continue


def newest_receipt(store: Store) -> Receipt | None:
    """Return the newest receipt that can be read; None where there is none."""
    for path in reversed(receipt_paths(store)):
        with contextlib.suppress(CorruptError, FileNotFoundError):  # `verify` tells of it
            return read_receipt(store, path)
    return None


def check_remembered(store: Store, rows: Iterable[Removal], receipts: Iterable[Receipt]) -> None:
    """Raise CorruptError where the rows of `removals.parquet` lack some that receipts name: it is an older copy."""
    known = {(row.kind, row.hash) for row in rows}
    for receipt in receipts:
        if any((row.kind, row.hash) not in known for row in receipt.rows):
            raise CorruptError(
                f"{REMOVALS} in the store {store.address} lacks what was removed on {receipt.removed_at:%Y-%m-%d}; "
                "`regraft verify --repair` puts it together from the receipts."
            )


def receipt_paths(store: Store) -> list[str]:
    """Return the paths of all receipts, the oldest first."""
    return [f"{RECEIPTS}/{name}" for name in store.disk.names(RECEIPTS) if name.endswith(".json")]


def unfinished_receipt(store: Store) -> Receipt | None:
    """Return the receipt of a removal that was cut off; None where there is none. Raises CorruptError."""
    try:
        return read_receipt(store, REMOVING)
    except FileNotFoundError:
        return None


def put_unfinished(store: Store, receipt: Receipt) -> None:
    """Have the store know of a removal that is under way: cut off, it goes on next time."""
    store.disk.write(REMOVING, receipt.to_bytes())


def put_finished(store: Store, receipt: Receipt) -> None:
    """Keep the receipt of a removal that is done."""
    store.disk.write(f"{RECEIPTS}/{receipt.id}.html", page(receipt).encode())
    store.disk.write(_path_of(receipt), receipt.to_bytes())
    store.disk.settle()  # no file that went comes back in a crash
    store.disk.delete(REMOVING)


def _path_of(receipt: Receipt) -> str:
    """Where a receipt that is finished lies."""
    return f"{RECEIPTS}/{receipt.id}.json"


def new_id(store: Store, now: datetime) -> str:
    """Return a receipt's name, which sorts by time and which no other has."""
    return free_name(now, {name.removesuffix(".json") for name in store.disk.names(RECEIPTS) if name.endswith(".json")})


def page(receipt: Receipt) -> str:
    """Return a receipt as a page that needs nothing else; what people wrote is escaped."""
    return _template().render(receipt=receipt, kinds=Kind)


@cache
def _template() -> jinja2.Template:
    source = resources.files("regraft.upkeep.templates").joinpath("receipt.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(source)


def read_receipt(store: Store, path: str) -> Receipt:
    """Return the receipt at a path. Raises CorruptError where it is damaged, FileNotFoundError where it is gone."""
    try:
        receipt = Receipt.model_validate(json.loads(store.disk.read(path)))
        if path not in (REMOVING, _path_of(receipt)):
            raise ValueError(f"it is a copy of {_path_of(receipt)}")
        return receipt
    except (ValueError, RecursionError) as error:
        raise CorruptError(
            f"{path} in the store {store.address} is damaged; delete it, and remove again what it was about."
        ) from error
