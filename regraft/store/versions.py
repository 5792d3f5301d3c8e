"""All versions of a store, in the order of their time; and the one in use, a pointer moved by compare-and-swap."""

import contextlib
import json
import logging
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from regraft.errors import DamagedVersionError, StoreError, VersionError
from regraft.store.locks import champion_locked
from regraft.store.root import LAYOUT_FILE, VERSIONS
from regraft.store.store import Store
from regraft.store.version import LAST_FILE, NAME_FORMAT, VERSION_NAME, Version, published_at

if TYPE_CHECKING:
    import pandas as pd

NEWEST_VERSIONS = 5
"""How many are looked at to see what a run published that ended not long ago."""
CHAMPION = "champion.json"
log = logging.getLogger("regraft")


def is_store(store: Store) -> bool:
    """Return whether a run has ever kept anything where a store is to lie: what it knows of links, or a version."""
    is_known = any(store.disk.exists(file) for file in (LAYOUT_FILE, CHAMPION))
    return is_known or store.layout is not None or bool(names(store))


def names(store: Store) -> list[str]:
    """Return the names of all published versions, the oldest first."""
    return [name for name in store.disk.folders_with(VERSIONS, LAST_FILE) if VERSION_NAME.fullmatch(name)]


def published(store: Store) -> Iterator[Version]:
    """Yield all published versions, the oldest first."""
    for name in names(store):
        yield Version(store, name)


def unfinished(store: Store) -> list[Version]:
    """Return what a run or a deletion that was cut off left behind: folders that lack what makes them a version."""
    whole = set(names(store))
    return [
        Version(store, name)
        for name in store.disk.names(VERSIONS)
        if VERSION_NAME.fullmatch(name) and name not in whole
    ]


def version(store: Store, name: str) -> Version:
    """Return a version by its name, or by a beginning that only one has. Raises VersionError."""
    known = names(store)
    fitting = [name] if name in known else [full for full in known if name and full.startswith(name)]
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
    for name in reversed(names(store)[-NEWEST_VERSIONS:]):
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
    """Return a name that sorts behind those of all versions, also where a clock has gone back since the last one."""
    taken = [name for name in store.disk.names(VERSIONS) if VERSION_NAME.fullmatch(name)]
    now = now or datetime.now(UTC)
    if taken:
        with contextlib.suppress(ValueError, OverflowError):  # a name that no clock has made
            now = max(now, published_at(max(taken)) + timedelta(seconds=1))
    return free_name(now, taken)


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
    """Return the version in use, or None. Raises DamagedVersionError where the pointer is damaged.

    Where the pointer is gone, that is the newest version that became champion.
    """
    pointer = _pointer(store)
    return Version(store, pointer.version) if pointer else next(once_champion(store), None)


def once_champion(store: Store) -> Iterator[Version]:
    """Yield the versions that became champion, the newest first. Damaged ones are stepped over."""
    for name in reversed(names(store)):
        with contextlib.suppress(VersionError):
            if Version(store, name).metrics.promoted:
                yield Version(store, name)


def has_pointer(store: Store) -> bool:
    """Return whether something says which version is in use. Raises DamagedVersionError where that is damaged."""
    return _pointer(store) is not None


def previous(store: Store) -> Version:
    """Return the champion before this one. Raises VersionError where there was none, or the pointer is damaged."""
    pointer = _pointer(store)
    if pointer is None or not pointer.previous:
        raise VersionError(f"There was no champion before this one in {store.url}; `regraft versions` lists them all.")
    return version(store, pointer.previous)


def promote(store: Store, name: str, expected: str | None) -> None:
    """Make a version the champion, if the champion still is `expected`, None for none, or nothing says which it is.

    Raises StoreError where it is another, VersionError where there is no such version.
    """
    with champion_locked(store.disk):
        move_champion(store, name, expected)


def move_champion(store: Store, name: str, expected: str | None) -> None:
    """Do what `promote` does. The champion must be locked, see `locks.champion_locked`."""
    name = version(store, name).name
    pointer = _pointer(store)
    in_use = pointer.version if pointer else expected
    if in_use != expected:
        raise StoreError(
            f"The champion is {in_use} by now, not {expected} as expected; it was left alone. "
            "Look at `regraft versions`, and try again."
        )
    if pointer is None or in_use != name:  # else the champion before it stays the one to go back to
        _point_at(store, name, expected if expected != name else None)


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
        version, previous = fields["version"], fields.get("previous")
        if not (isinstance(version, str) and isinstance(previous, str | None)):
            raise ValueError(f"it names {version!r:.80} and {previous!r:.80}, and no versions")
        return Pointer(version, previous, str(fields.get("at", "")))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedVersionError(
            f"{CHAMPION} in {store.url} is damaged ({error}); `regraft verify --repair` mends it."
        ) from error
