"""Versions, what each run published, immutable; and the champion, a pointer moved by compare-and-swap."""

import contextlib
import io
import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import filelock

from regraft.errors import StoreError, VersionError
from regraft.store.blobs import Blobs
from regraft.store.disk import LocalDisk

if TYPE_CHECKING:
    import pandas as pd

    from regraft.store.records import MetricsRecord, RunRecord

CHAMPION = "champion.json"
NAME = re.compile(r"\d{8}T\d{6}Z(-\d+)?")


@dataclass(frozen=True)
class Version:
    """One published version; its files are read when asked for."""

    store: Blobs
    name: str

    def read(self, file: str) -> bytes:
        """Return a file's bytes. Raises VersionError naming it where it is not there."""
        try:
            return self.store.disk.read(f"versions/{self.name}/{file}")
        except FileNotFoundError:
            raise VersionError(f"Version {self.name} has no {file}; the store {self.store.url} is damaged.") from None

    def has(self, file: str) -> bool:
        """Return whether the version holds a file; those of earlier Regrafts lack some."""
        return self.store.disk.exists(f"versions/{self.name}/{file}")

    @property
    def metrics(self) -> "MetricsRecord":
        """metrics.json. Raises VersionError where it is damaged or written by a newer Regraft."""
        from regraft.store import records  # pydantic takes its time, and a version's name is known without it

        with self._naming_itself():
            return records.read_metrics(self.read("metrics.json"))

    @property
    def run(self) -> "RunRecord":
        """run.json. Raises VersionError where it is damaged or written by a newer Regraft."""
        from regraft.store import records

        with self._naming_itself():
            return records.read_run(self.read("run.json"))

    @contextlib.contextmanager
    def _naming_itself(self) -> Iterator[None]:
        """Put the version's name into what went wrong with one of its files."""
        try:
            yield
        except VersionError as error:
            if self.name in str(error):
                raise
            raise VersionError(f"Version {self.name}: {error}") from error

    def table(self, file: str) -> "pd.DataFrame":
        """Return links.parquet, manifest.parquet or predictions.parquet."""
        import pyarrow.parquet as pq  # to list versions nobody needs tables

        return pq.read_table(io.BytesIO(self.read(file))).to_pandas()

    @property
    def path(self) -> str:
        """The version's folder, as a path or URL."""
        return f"{_root(self.store)}/versions/{self.name}"


def names(store: Blobs) -> list[str]:
    """Return the names of all published versions, oldest first."""
    found = [name for name in store.disk.names("versions") if NAME.fullmatch(name)]
    return [name for name in found if store.disk.exists(f"versions/{name}/run.json")]


def version(store: Blobs, name: str) -> Version:
    """Return a version by its name, or by a beginning that only one has. Raises VersionError."""
    known = names(store)
    fitting = [name] if name in known else [one for one in known if one.startswith(name)]
    if len(fitting) != 1:
        raise VersionError(
            f"There is no one version {name!r} in {store.url}. "
            + (f"There are: {', '.join(known[-5:])}." if known else "There is none yet: `regraft run` makes the first.")
        )
    return Version(store, fitting[0])


def newest(store: Blobs) -> Version:
    """Return the version that was published last. Raises VersionError where there is none."""
    known = names(store)
    if not known:
        raise VersionError(f"There is no version in {store.url} yet: `regraft run` makes the first.")
    return Version(store, known[-1])


def named(store: Blobs, word: str) -> Version:
    """Return `newest`, `champion`, `previous` (the champion before), or a version by its name. Raises VersionError."""
    match word:
        case "newest":
            return newest(store)
        case "previous":
            return previous(store)
        case "champion":
            found = champion(store)
            if found is None:
                raise VersionError(f"There is no champion in {store.url} yet: `regraft run` makes the first version.")
            return found
    return version(store, word)


def new_name(store: Blobs, now: datetime | None = None) -> str:
    """Return a name that sorts by time and that no version has."""
    stem = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    taken = set(store.disk.names("versions"))
    later = (f"{stem}-{i}" for i in range(2, 10_000))
    return stem if stem not in taken else next(name for name in later if name not in taken)


def publish(store: Blobs, name: str, files: Mapping[str, bytes]) -> Version:
    """Put a version in place, whole or not at all. Raises StoreError where it is there already."""
    store.disk.publish(f"versions/{name}", files, last="run.json")
    return Version(store, name)


def champion(store: Blobs) -> Version | None:
    """Return the version in use, or None. Raises VersionError where the pointer is damaged."""
    name = _pointed(store)
    return Version(store, name) if name else None


def previous(store: Blobs) -> Version:
    """Return the champion before this one. Raises VersionError where there was none."""
    try:
        told = json.loads(store.disk.read(CHAMPION))
    except (FileNotFoundError, ValueError):
        told = {}
    if not isinstance(told, dict) or not told.get("previous"):
        raise VersionError(f"There was no champion before this one in {store.url}; `regraft versions` lists them all.")
    return version(store, str(told["previous"]))


def promote(store: Blobs, name: str, expected: str | None) -> None:
    """Point the champion at a version, if it still points at `expected`. Raises StoreError where it does not."""
    version(store, name)
    with _pointer(store):
        found = _pointed(store)
        if found != expected:
            raise StoreError(
                f"The champion is {found}, not {expected}, by now; it was left alone. Look, and try again."
            )
        told = {"version": name, "previous": expected, "at": datetime.now(UTC).isoformat()}
        store.disk.write(CHAMPION, json.dumps(told, indent=1).encode())


def _pointed(store: Blobs) -> str | None:
    try:
        return str(json.loads(store.disk.read(CHAMPION))["version"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise VersionError(
            f"{CHAMPION} in {store.url} is damaged ({error}); `regraft promote VERSION` mends it."
        ) from error


@contextlib.contextmanager
def _pointer(store: Blobs) -> Iterator[None]:
    """Hold the pointer for the moment that a compare-and-swap takes."""
    disk = store.disk
    if isinstance(disk, LocalDisk):
        with filelock.FileLock(disk.root / "champion.lock", timeout=30):
            yield
        return
    deadline = time.monotonic() + 30
    while not disk.create("champion.lock", b""):
        if time.monotonic() > deadline:
            raise StoreError(f"champion.lock in {store.url} is held; remove it if nobody is promoting.")
        time.sleep(0.2)
    try:
        yield
    finally:
        disk.delete("champion.lock")


def _root(store: Blobs) -> str:
    return str(store.disk.root) if isinstance(store.disk, LocalDisk) else store.url.rstrip("/")
