"""Versions checked: every file against the digest that it was published with, and the pointer to the champion."""

import contextlib
from collections.abc import Iterator

from regraft.errors import DamagedVersionError, RegraftError, VersionError
from regraft.store import versions
from regraft.store.store import Store
from regraft.store.version import LAST_FILE, Version
from regraft.upkeep.damage import Damage
from regraft.upkeep.remove import Progress


def damaged_files(version: Version, repair: bool, progress: Progress) -> Iterator[Damage]:
    """Yield files of a version that have not the digest in run.json; versions of earlier Regrafts have none there."""
    try:
        digests = version.run.files
    except VersionError as error:
        if version.is_published:  # else it was pruned just now
            what = f"{error} {_what_becomes_of(version)}"
            yield Damage(f"{version.path}/{LAST_FILE}", what, may_be_mended=False)
        return
    for file, digest in digests.items():
        progress(f"{version.path}/{file}")
        try:
            version.read(file)
        except VersionError:
            if not version.is_published:  # pruned meanwhile
                return
            yield _damaged_file(version, file, digest, repair)


def _damaged_file(version: Version, file: str, digest: str, repair: bool) -> Damage:
    """A version's file as damage, given its published bytes back where another version has them too."""
    path, disk = f"{version.path}/{file}", version.store.disk
    what = "its bytes are not what was published" if disk.exists(path) else "it is gone"
    for other, data in _files_with(digest, version.store):
        if repair:
            disk.write(path, data)
        return Damage(path, what, f"put back from {other}, which is the same" if repair else "")
    what = f"{what}, and no other version has the same. {_what_becomes_of(version)}"
    return Damage(path, what, may_be_mended=False)


def _files_with(digest: str, store: Store) -> Iterator[tuple[str, bytes]]:
    """The whole files of all versions that were published with a digest: path and bytes."""
    for version in versions.published(store):
        for file, other in version.digests.items():
            with contextlib.suppress(VersionError):
                if other == digest:
                    yield f"{version.path}/{file}", version.read(file)


def _what_becomes_of(version: Version) -> str:
    """What runs and people do with a version that stays damaged."""
    with contextlib.suppress(DamagedVersionError):
        champion = versions.champion(version.store)
        if champion is not None and champion.name == version.name:
            return "It is the champion; where it predicts no more, `regraft promote` another, or run again."
    return "Runs step over it."


def damaged_champion(store: Store, repair: bool) -> Iterator[Damage]:
    """Yield the pointer, where it does not point at a version."""
    try:
        champion, is_named = versions.champion(store), versions.has_pointer(store)
        if champion is None or (is_named and champion.name in versions.names(store)):
            return
        what = f"it names {champion.name}, which is no version" if is_named else "it is gone"
    except RegraftError as error:
        what = str(error)
    has_candidates = any(True for _ in versions.once_champion(store))
    yield Damage(versions.CHAMPION, what, _restore_champion(store) if repair else "", has_candidates)


def _restore_champion(store: Store) -> str:
    """Make the newest version that once became champion the champion; return how that went, "" where there is none."""
    newest, before, *_ = *(version.name for version in versions.once_champion(store)), None, None
    if newest is None:
        return ""
    versions.restore_champion(store, newest, previous=before)
    return f"points at {newest}, the newest that became champion"
