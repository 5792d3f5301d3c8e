"""A store checked: every digest, every table, every pointer; and what can be mended, mended."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
import pandas as pd

from regraft.config import FetchSettings
from regraft.dataset.decision_files import decision_files
from regraft.dataset.decisions import read_file
from regraft.errors import CorruptError, DamagedVersionError, RegraftError, StoreError, VersionError
from regraft.identity import Digest, digest_of
from regraft.links import removals
from regraft.links.memory import all_known_links, remembered_links
from regraft.store import versions
from regraft.store.backbone_files import BackboneFile
from regraft.store.feature_parts import Part
from regraft.store.layout import COPY, FILE, LINKS, checked_layout, copied_layout, put_layout
from regraft.store.store import Store
from regraft.store.version import LAST_FILE, REMOVING, Version
from regraft.upkeep.receipt import check_remembered, read_receipt, receipt_paths, receipts
from regraft.upkeep.remove import Progress, finish, remove_again, restore_rows
from regraft.upkeep.traces import Trace, traces
from regraft.web.answers import Body
from regraft.web.client import Client

DEADLINE_S = 30
"""For fetching one blob again from one address."""


@dataclass(frozen=True)
class Damage:
    """A file that is not what it should be."""

    path: str
    """Its path in the store."""
    what: str
    """What is wrong with it."""
    mended: str = ""
    """How it was mended; empty where it was not."""
    may_be_mended: bool = True
    """Whether `--repair` may mend it, or has."""


def verify(store: Store, repair: bool, fetch: FetchSettings, progress: Progress) -> Iterator[Damage]:
    """Yield what is damaged, once `repair` has done what it can. `progress` is called with the path of every file.

    A damaged store.json is written anew from its copy. Damaged tables of links are removed, and the next run asks
    their links again. Damaged features, their indexes, and networks are removed, and the next run makes them again.
    Damaged blobs are fetched again, through the guarded client, where a link still serves the very same bytes.
    Damaged drafts are removed. A version's file gets the bytes back that it was published with where another
    version has them too; else nothing can mend it. A champion that is no version is replaced by the newest version
    that once became champion. Whatever names or shows what somebody had removed is removed once more, and so is a
    version's damaged table that may; where the table of that is damaged, it is put together from the receipts. Raises
    StoreError where there is no store.
    """
    if not store.disk.names(""):
        raise StoreError(f"There is no store at {store.address}: nothing is there. Name another with --store.")
    yield from _damaged_layout(store, repair)
    yield from _damaged_tables(store, repair, progress)
    yield from _damaged_blobs(store, repair, fetch, progress)
    yield from _damaged_features(store, repair, progress)
    yield from _damaged_shortcuts(store, repair, progress)
    yield from _damaged_drafts(store, repair, progress)
    yield from _damaged_decisions(store, repair, progress)
    for version in versions.published(store):
        yield from damaged_files(version, repair, progress)
    yield from _damaged_champion(store, repair)
    yield from _what_came_back(store, repair, progress)


def _damaged_layout(store: Store, repair: bool) -> Iterator[Damage]:
    """store.json, where it is damaged."""
    try:
        checked_layout(store.disk, store.disk.sizes(LINKS))
    except CorruptError as error:
        yield Damage(FILE, str(error), _restore_layout(store) if repair else "")


def _restore_layout(store: Store) -> str:
    """Write store.json anew from its copy; return how that went. Without a copy it goes."""
    layout = copied_layout(store.disk)
    if layout is None:
        store.disk.delete(FILE)
        return "removed; the next run asks all links again"
    put_layout(store.disk, layout)
    return "written anew from its copy"


def _damaged_tables(store: Store, repair: bool, progress: Progress) -> Iterator[Damage]:
    for path in store.disk.sizes(LINKS):
        if path.endswith(f"/{COPY}"):
            continue
        progress(path)
        if what := store.tables.damage(path):
            if repair:
                store.disk.delete(path)
            yield Damage(path, what, "removed; the next run asks its links again" if repair else "")


def _damaged_blobs(store: Store, repair: bool, fetch: FetchSettings, progress: Progress) -> Iterator[Damage]:
    sources = _Sources(store, fetch)
    present = set()
    for blob in store.blobs:
        progress(blob.path)
        present.add(blob.digest)
        if blob.is_whole:
            continue
        mended = ""
        if repair:
            blob.delete()
            mended = sources.fetch_again(blob.digest)
        yield Damage(blob.path, "its bytes are not what its name says", mended)
    for digest in sorted(_learnt_from(store) - present):
        mended = sources.fetch_again(digest) if repair else ""
        yield Damage(store.blobs.at(digest).path, "it is gone, and versions name it", mended)


@dataclass(frozen=True)
class _Sources:
    """Where a store's blobs once came from. What it takes to ask there is made with the first damage."""

    store: Store
    settings: FetchSettings

    @cached_property
    def client(self) -> Client:
        return Client.of(self.settings)

    @cached_property
    def addresses(self) -> "pd.Series[str]":
        """The URLs at which bytes were, by their digest and in its order."""
        known = all_known_links(self.store, remembered_links)[["digest", "final_url"]].drop_duplicates()
        return known.set_index("digest")["final_url"].sort_index(kind="stable")

    def fetch_again(self, digest: Digest) -> str:
        """Fetch a blob from wherever it once was; return how that went, "" where nobody serves it any more."""
        for url in self.addresses.loc[digest:digest]:
            _, answer = self.client.follow(url, DEADLINE_S)
            match answer:
                case Body() if digest_of(answer.data) == digest:
                    self.store.blobs.put(answer.data)
                    self.store.disk.settle()
                    return f"fetched again from {url}"
        return ""


def _learnt_from(store: Store) -> set[Digest]:
    """The digests in all manifests that can be read."""
    digests: set[Digest] = set()
    for version in versions.published(store):
        with contextlib.suppress(Exception):  # a damaged manifest is reported with its version
            digests |= set(version.arrow_table("manifest.parquet", ["digest"])["digest"].to_pylist())
    return digests


def _damaged_features(store: Store, repair: bool, progress: Progress) -> Iterator[Damage]:
    for part in store.features:
        progress(part.path)
        if what := _damage_of(part):
            if repair:
                part.delete()
            yield Damage(part.path, what, "removed; the next run computes them again" if repair else "")


def _damaged_shortcuts(store: Store, repair: bool, progress: Progress) -> Iterator[Damage]:
    """Indexes of features, and networks: whatever can be made again from what else is there."""
    for file in chain[BackboneFile](store.features.indexes, store.networks):
        progress(file.path)
        with contextlib.suppress(FileNotFoundError):  # a run has just replaced it
            try:
                file.read_bytes()
            except CorruptError:
                if repair:
                    file.delete()
                what = "its bytes are not what its name says"
                yield Damage(file.path, what, "removed; the next run makes it again" if repair else "")


def _damage_of(part: Part) -> str:
    """What is wrong with a part; "" where nothing is."""
    try:
        _, rows = part.read()
    except CorruptError:
        return "its bytes are not what its name says"
    except FileNotFoundError:
        folder, _, name = part.path.rpartition("/")
        is_listed = name in part.disk.names(folder)  # else it was pruned just now
        return "it is no file that can be read" if is_listed else ""
    return "" if np.isfinite(rows).all() else "it holds values that are not finite numbers"


def _damaged_drafts(store: Store, repair: bool, progress: Progress) -> Iterator[Damage]:
    for draft in store.drafts:
        progress(draft.path)
        if not draft.is_whole:
            if repair:
                draft.delete()
            yield Damage(draft.path, "its bytes are not what its name says", "removed" if repair else "")


def _damaged_decisions(store: Store, repair: bool, progress: Progress) -> Iterator[Damage]:
    for path in decision_files(store):
        progress(path)
        try:
            read_file(store, path)
        except CorruptError:
            if repair:
                store.disk.delete(path)
            what = "its decisions are not those that were written, and are not honoured"
            yield Damage(path, what, "removed; decide again what was decided there" if repair else "")


def damaged_files(version: Version, repair: bool, progress: Progress) -> Iterator[Damage]:
    """Every file of a version that has not the digest in run.json; versions of earlier Regrafts have none there."""
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


def _damaged_champion(store: Store, repair: bool) -> Iterator[Damage]:
    """The pointer, where it does not point at a version."""
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


def _what_came_back(store: Store, repair: bool, progress: Progress) -> Iterator[Damage]:
    """What names or shows something that was removed, a removal that was cut off, and a table that forgot some."""
    damaged = list(_damaged_receipts(store, progress))
    yield from damaged
    if what := _forgotten(store):
        is_restored = repair and not damaged  # what a damaged one names would be forgotten
        if is_restored:
            restore_rows(store)
        yield Damage(removals.FILE, what, "put together from the receipts" if is_restored else "", not damaged)
        if not is_restored:
            return
    if any(damage.path == REMOVING for damage in damaged):
        return
    if store.disk.exists(REMOVING):
        if repair:
            finish(store)
        yield Damage(REMOVING, "a removal was cut off, or is under way", "finished" if repair else "")
    came_back = list(traces(store, removals.known_removals(store), progress))
    if came_back and repair:
        remove_again(store)
    for trace in came_back:
        yield _damage_by(trace, repair)


def _damage_by(trace: Trace, repair: bool) -> Damage:
    """A trace of something removed as damage. What a repair would cost is said before."""
    if trace.is_readable:
        what = f"it has something that somebody had removed: {trace.what}"
        return Damage(trace.path, what, "removed once more" if repair else "")
    what = "nobody can tell whether it has something that somebody had removed"
    if repair:
        return Damage(trace.path, what, "removed for good")
    return Damage(trace.path, f"{what}, so `--repair` removes it for good; put a copy from a backup here to keep it")


def _damaged_receipts(store: Store, progress: Progress) -> Iterator[Damage]:
    """Receipts that cannot be read, also of a removal under way. A person has to say again what they were about."""
    for path in [*receipt_paths(store), REMOVING]:
        try:
            read_receipt(store, path)
        except FileNotFoundError:
            continue
        except CorruptError as error:
            yield Damage(path, str(error), may_be_mended=False)
        progress(path)


def _forgotten(store: Store) -> str:
    """What is wrong with the table of what was removed; "" where nothing is."""
    try:
        check_remembered(store, removals.known_rows(store), receipts(store))
    except CorruptError as error:
        return str(error)
    return ""
