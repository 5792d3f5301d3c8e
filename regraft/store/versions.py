"""What each run published, as immutable versions; and which of them is in use, a pointer moved by compare-and-swap."""

import contextlib
import hashlib
import json
import logging
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from regraft.errors import CorruptError, DamagedVersionError, StoreError, VersionError
from regraft.identity import digest_of
from regraft.store import layout
from regraft.store.locks import champion_locked
from regraft.store.scratch import Scratch
from regraft.store.store import Store
from regraft.store.tables import OpenTable, arrow_of_parquet

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from regraft.store.records import MetricsRecord, RunRecord

FOLDER = "versions"
LAST_FILE = "run.json"
"""The file that makes a folder a version: published last and deleted first."""
NAME = re.compile(r"\d{8}T\d{6}Z(-\d+)?")
NAME_FORMAT = "%Y%m%dT%H%M%SZ"
"""How a name begins: when it was published."""
NEWEST = 5
"""Versions that are looked at to see what a run published that ended not long ago."""
CHAMPION = "champion.json"
REMOVING = "removing.json"
"""There while what somebody had removed is being taken out of versions."""
log = logging.getLogger("regraft")


@dataclass(frozen=True)
class Version:
    """One published version. Its files are read when they are needed."""

    store: Store
    """The store that it lies in."""
    name: str
    """When it was published, such as 20261124T030000Z."""

    @property
    def address(self) -> str:
        """Where its folder lies, for people and programs: an absolute path, or a URL."""
        return f"{self.store.address}/{self.path}"

    @property
    def path(self) -> str:
        """The path of its folder in the store."""
        return f"{FOLDER}/{self.name}"

    def read(self, file: str) -> bytes:
        """Return a file's bytes.

        Raises DamagedVersionError, naming the file, where it is gone or not what was published; VersionError where the
        version is gone.
        """
        with self._needing(file):
            data = self.store.disk.read(f"{self.path}/{file}")
        if file != LAST_FILE and not self._is_known(file, digest_of(data)):
            raise self._damaged(file)
        return data

    def _is_known(self, file: str, digest: str) -> bool:
        """Whether a file with that digest is one that the version has, or had until what was removed is gone."""
        if digest == self.digests.get(file, digest):
            return True
        if digest == _recorded_digests(self).get(file):  # a picture was removed since they were read
            return True
        before: set[str] = set()
        with contextlib.suppress(VersionError):
            before = {note.files[file].before for note in self.run.removals if file in note.files}
        return digest in before and self.store.disk.exists(REMOVING)

    def replace(self, files: Mapping[str, bytes], run: "RunRecord | None") -> None:
        """Put files in place of those that were published, for what somebody had removed; `run` says so, and is first.

        Cut off at any moment, every file is read as it was or as it is to be. The store must be held.
        """
        if run is not None:
            self.store.disk.write(f"{self.path}/{LAST_FILE}", run.to_bytes())
        for file, data in files.items():
            self.store.disk.write(f"{self.path}/{file}", data)

    def local_copy(self, file: str) -> Path:
        """Return where programs of this machine can open a file, unchecked. Raises VersionError where it is gone."""
        with self._needing(file):
            return self.store.disk.local_copy(f"{self.path}/{file}")

    def has(self, file: str) -> bool:
        """Return whether the version was published with a file; those of earlier Regrafts lack some."""
        if self.digests:
            return file in self.digests
        return self.store.disk.exists(f"{self.path}/{file}")

    @property
    def is_published(self) -> bool:
        """Whether it counts as a version."""
        return self.store.disk.exists(f"{self.path}/{LAST_FILE}")

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """The digest of each of its files, by name; none where run.json is damaged or of an earlier Regraft."""
        return _recorded_digests(self)

    def sizes(self) -> dict[str, int]:
        """Return the size in bytes of each of its files, by path in the store."""
        return self.store.disk.sizes(self.path)

    def delete(self) -> None:
        """Remove it. Cut off at any moment, it is whole or no version at all."""
        self.store.disk.withdraw(self.path, LAST_FILE)

    @property
    def metrics(self) -> "MetricsRecord":
        """metrics.json. Raises DamagedVersionError where it is damaged, VersionError where a newer Regraft wrote it."""
        from regraft.store import records  # pydantic takes its time, and a version's name is known without it

        with self._naming_itself():
            return records.read_metrics(self.read("metrics.json"))

    @property
    def run(self) -> "RunRecord":
        """run.json. Raises DamagedVersionError where it is damaged, VersionError where a newer Regraft wrote it."""
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
            raise type(error)(f"Version {self.name}: {error}") from error

    def table(self, file: str, columns: list[str] | None = None) -> "pd.DataFrame":
        """Return one of its tables, such as manifest.parquet, or some columns of it. Raises as `read` does."""
        return self.arrow_table(file, columns).to_pandas(use_threads=False)

    def arrow_table(self, file: str, columns: list[str] | None = None) -> "pa.Table":
        """Return a table as `table` does, with the types and nulls that pandas would not keep."""
        data = self.read(file)
        try:
            return arrow_of_parquet(data, columns)
        except Exception as error:  # Arrow raises anything on a damaged file
            raise DamagedVersionError(f"{file} of version {self.name} is damaged: {error}.") from error

    def rows(self, file: str, column: str, texts: Collection[str], columns: Sequence[str]) -> "pd.DataFrame":
        """Return some columns of a table's rows in which a column has one of some texts, without reading the whole.

        Columns that the table of an earlier Regraft lacks are null. Raises as `read` does.
        """
        from regraft.store.row_tables import rows_among  # pandas takes its time, and most commands need none

        try:
            with self._needing(file), self.store.disk.opened(f"{self.path}/{file}") as opened:
                return rows_among(OpenTable(opened), column, texts, columns)
        except CorruptError as error:
            raise DamagedVersionError(f"{file} of version {self.name} is damaged: {error}.") from error

    def opened(self, file: str, scratch: Scratch | None = None) -> OpenTable:
        """Return one of its tables, opened, to be read a group of rows at a time. Raises as `read` does.

        A table of a remote store is copied to this machine first, into `scratch` if that is given.
        """
        with self._needing(file):
            path = self.store.disk.local_copy(f"{self.path}/{file}", scratch)
            with path.open("rb") as bytes_of_file:
                digest = hashlib.file_digest(bytes_of_file, "sha256").hexdigest()
        if not self._is_known(file, digest):
            raise self._damaged(file)
        try:
            return OpenTable(path)
        except CorruptError as error:
            raise DamagedVersionError(f"{file} of version {self.name} is damaged: {error}.") from error

    def _damaged(self, file: str) -> DamagedVersionError:
        return DamagedVersionError(
            f"{file} of version {self.name} is damaged: its bytes are not what was published in {self.store.url}."
        )

    @contextlib.contextmanager
    def _needing(self, file: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            if not self.is_published:
                raise VersionError(
                    f"Version {self.name} is not in {self.store.url} any more; `regraft versions` lists those that are."
                ) from None
            raise DamagedVersionError(
                f"Version {self.name} has no {file}; the store {self.store.url} is damaged."
            ) from None


def is_store(store: Store) -> bool:
    """Return whether a run has ever kept anything where a store is to lie: what it knows of links, or a version."""
    is_known = any(store.disk.exists(file) for file in (layout.FILE, CHAMPION))
    return is_known or store.layout is not None or bool(names(store))


def published_at(name: str) -> datetime:
    """Return when the version of a name was published, to the second."""
    return datetime.strptime(name.partition("-")[0], NAME_FORMAT).replace(tzinfo=UTC)


def _recorded_digests(version: Version) -> dict[str, str]:
    """The digests in run.json as it is now; none where it is damaged or of an earlier Regraft."""
    try:
        return dict(json.loads(version.store.disk.read(f"{version.path}/{LAST_FILE}"))["files"])
    except (FileNotFoundError, ValueError, KeyError, TypeError, RecursionError):
        return {}


def names(store: Store) -> list[str]:
    """Return the names of all published versions, the oldest first."""
    return [name for name in store.disk.folders_with(FOLDER, LAST_FILE) if NAME.fullmatch(name)]


def published(store: Store) -> Iterator[Version]:
    """Yield all published versions, the oldest first."""
    for name in names(store):
        yield Version(store, name)


def unfinished(store: Store) -> list[Version]:
    """Return what a run or a deletion that was cut off left behind: folders that lack what makes them a version."""
    whole = set(names(store))
    return [Version(store, name) for name in store.disk.names(FOLDER) if NAME.fullmatch(name) and name not in whole]


def version(store: Store, name: str) -> Version:
    """Return a version by its name, or by a beginning that only one has. Raises VersionError."""
    known = names(store)
    fitting = [name] if name in known else [full for full in known if full.startswith(name)]
    if len(fitting) != 1:
        raise VersionError(
            f"There is no one version {name!r} in {store.url}. "
            + (f"There are: {', '.join(known[-5:])}." if known else "There is none yet: `regraft run` makes the first.")
        )
    return Version(store, fitting[0])


def newest(store: Store) -> Version:
    """Return the version that was published last. Raises VersionError where there is none."""
    known = names(store)
    if not known:
        raise VersionError(f"There is no version in {store.url} yet: `regraft run` makes the first.")
    return Version(store, known[-1])


def newest_table(store: Store, file: str) -> "pd.DataFrame | None":
    """Return a table of the newest version that has it whole; None where none has. Damaged ones are stepped over."""
    for name in reversed(names(store)):
        earlier = Version(store, name)
        if not earlier.has(file):
            continue
        try:
            return earlier.table(file)
        except VersionError as error:
            log.warning("%s The version before is taken; `regraft verify` lists what is damaged.", error)
    return None


def published_by(store: Store, flow_run_id: str) -> Version | None:
    """Return the version that a flow run published, if it is among the newest; None where it published none."""
    for name in reversed(names(store)[-NEWEST:]):
        with contextlib.suppress(VersionError):
            if Version(store, name).run.prefect.flow_run_id == flow_run_id:
                return Version(store, name)
    return None


def named(store: Store, word: str) -> Version:
    """Return `newest`, `champion`, `previous` (the champion before), or a version by its name. Raises VersionError."""
    match word:
        case "newest":
            return newest(store)
        case "previous":
            return previous(store)
        case "champion":
            in_use = champion(store)
            if in_use is None:
                raise VersionError(f"There is no champion in {store.url} yet: `regraft run` makes the first version.")
            return in_use
    return version(store, word)


def new_name(store: Store, now: datetime | None = None) -> str:
    """Return a name that sorts by time and that no version has."""
    return free_name(now or datetime.now(UTC), set(store.disk.names(FOLDER)))


def free_name(now: datetime, taken: Collection[str]) -> str:
    """Return a name that sorts by time and that is not taken."""
    stem = now.strftime(NAME_FORMAT)
    names = (stem, *(f"{stem}-{number}" for number in range(2, 10_000)))
    return next(name for name in names if name not in taken)


def publish(store: Store, name: str, files: Mapping[str, bytes]) -> Version:
    """Put a version in place, whole or not at all. Raises StoreError where it is there already."""
    made = Version(store, name)
    store.disk.publish(made.path, files, last=LAST_FILE)
    return made


@dataclass(frozen=True)
class Pointer:
    """champion.json: which version is in use."""

    version: str
    """Its name."""
    previous: str | None
    """The champion before it; None where it is the first."""
    at: str
    """When it became champion, in ISO 8601."""


def champion(store: Store) -> Version | None:
    """Return the version in use, or None. Raises DamagedVersionError where the pointer is damaged."""
    pointer = _pointer(store)
    return Version(store, pointer.version) if pointer else None


def previous(store: Store) -> Version:
    """Return the champion before this one. Raises VersionError where there was none, or the pointer is damaged."""
    pointer = _pointer(store)
    if pointer is None or not pointer.previous:
        raise VersionError(f"There was no champion before this one in {store.url}; `regraft versions` lists them all.")
    return version(store, pointer.previous)


def promote(store: Store, name: str, expected: str | None) -> None:
    """Make a version the champion, if the champion still is `expected`, None for none.

    Raises StoreError where it is another, VersionError where there is no such version.
    """
    with champion_locked(store.disk):
        move_champion(store, name, expected)


def move_champion(store: Store, name: str, expected: str | None) -> None:
    """Do what `promote` does. The champion must be locked, see `locks.champion_locked`."""
    version(store, name)
    pointer = _pointer(store)
    in_use = pointer.version if pointer else None
    if in_use != expected:
        raise StoreError(
            f"The champion is {in_use} by now, not {expected} as expected; it was left alone. "
            "Look at `regraft versions`, and try again."
        )
    if in_use != name:  # else the champion before it stays the one to go back to
        _point_at(store, name, expected)


def restore_champion(store: Store, name: str, previous: str | None) -> None:
    """Make a version the champion whatever the pointer says, in one step; for a pointer that is damaged."""
    with champion_locked(store.disk):
        _point_at(store, name, previous)


def _point_at(store: Store, name: str, previous: str | None) -> None:
    changed = Pointer(name, previous, at=datetime.now(UTC).isoformat())
    store.disk.write(CHAMPION, json.dumps(asdict(changed), indent=1).encode())


def _pointer(store: Store) -> Pointer | None:
    """The pointer; None where there was no champion yet. Raises DamagedVersionError where it is damaged."""
    try:
        fields = json.loads(store.disk.read(CHAMPION))
        return Pointer(str(fields["version"]), fields.get("previous"), str(fields.get("at", "")))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedVersionError(
            f"{CHAMPION} in {store.url} is damaged ({error}); `regraft verify --repair` mends it."
        ) from error
