"""A store checked: every digest, every table, every pointer; and what can be mended, mended."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
import pandas as pd
import pyarrow as pa

from regraft.config import FetchSettings
from regraft.dataset import misfiled
from regraft.dataset.decision_files import decision_files
from regraft.dataset.decisions import read_file
from regraft.dataset.placeholders import NO_PLACEHOLDERS_PATH, PLACEHOLDERS, PLACEHOLDERS_PATH
from regraft.errors import CorruptError, StoreError
from regraft.identity import Digest, digest_of
from regraft.links import mementos
from regraft.links.memory import ADDED_COLUMNS, MEMORY, all_known_links, remembered_links
from regraft.store import versions
from regraft.store.backbone_files import BackboneFile
from regraft.store.feature_parts import Part
from regraft.store.layout import COPY, checked_layout, copied_layout, put_layout
from regraft.store.root import LAYOUT_FILE, LINKS
from regraft.store.store import Store
from regraft.upkeep.came_back import what_came_back
from regraft.upkeep.damage import Damage
from regraft.upkeep.damaged_versions import damaged_champion, damaged_files
from regraft.upkeep.remove import Progress
from regraft.web.answers import Body
from regraft.web.client import Client

DEADLINE_S = 30
"""For fetching one blob again from one address."""
SCHEMAS: Mapping[str, tuple[pa.Schema, Sequence[str]]] = {
    PLACEHOLDERS_PATH: (PLACEHOLDERS, ()),
    NO_PLACEHOLDERS_PATH: (PLACEHOLDERS, ()),
    misfiled.MISFILED_PATH: (misfiled.MISFILED, misfiled.ADDED_COLUMNS),
    misfiled.DOUBTFUL_PATH: (misfiled.DOUBTFUL, ()),
    mementos.PATH: (mementos.MEMENTOS, ()),
}
"""The tables beside the shards: the columns that they are read with, and those that earlier Regrafts did not write."""


def verify(store: Store, repair: bool, fetch: FetchSettings, progress: Progress) -> Iterator[Damage]:
    """Yield each file that is damaged, once `repair` has done what it can. `progress` is called with all files' paths.

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
    by_path: dict[str, Damage] = {}
    for damage in _damages(store, repair, fetch, progress):
        known = by_path.get(damage.path)
        by_path[damage.path] = known.joined(damage) if known else damage
    yield from by_path.values()


def _damages(store: Store, repair: bool, fetch: FetchSettings, progress: Progress) -> Iterator[Damage]:
    """What is damaged, a file once for each thing that is wrong with it."""
    yield from _damaged_layout(store, repair)
    yield from _damaged_tables(store, repair, progress)
    yield from _damaged_blobs(store, repair, fetch, progress)
    yield from _damaged_features(store, repair, progress)
    yield from _damaged_shortcuts(store, repair, progress)
    yield from _damaged_drafts(store, repair, progress)
    yield from _damaged_decisions(store, repair, progress)
    for version in versions.published(store):
        yield from damaged_files(version, repair, progress)
    yield from damaged_champion(store, repair)
    yield from what_came_back(store, repair, progress)


def _damaged_layout(store: Store, repair: bool) -> Iterator[Damage]:
    """store.json, where it is damaged."""
    try:
        checked_layout(store.disk, store.disk.sizes(LINKS))
    except CorruptError as error:
        yield Damage(LAYOUT_FILE, str(error), _restore_layout(store) if repair else "")


def _restore_layout(store: Store) -> str:
    """Write store.json anew from its copy; return how that went. Without a copy it goes."""
    layout = copied_layout(store.disk)
    if layout is None:
        store.disk.delete(LAYOUT_FILE)
        return "removed; the next run asks all links again"
    put_layout(store.disk, layout)
    return "written anew from its copy"


def _damaged_tables(store: Store, repair: bool, progress: Progress) -> Iterator[Damage]:
    for path in store.disk.sizes(LINKS):
        if path.endswith(f"/{COPY}"):
            continue
        progress(path)
        if what := store.tables.damage(path, *_schema_of(path)):
            if repair:
                store.disk.delete(path)
            yield Damage(path, what, "removed; the next run asks its links again" if repair else "")


def _schema_of(path: str) -> tuple[()] | tuple[pa.Schema, Sequence[str]]:
    """The columns of a table in LINKS, and which of them earlier Regrafts did not write; nothing of another's file."""
    is_shard = path.rpartition("/")[0] != LINKS
    return (MEMORY, ADDED_COLUMNS) if is_shard else SCHEMAS.get(path, ())


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
    gone = _learnt_from(store) - present
    if gone:
        gone -= {blob.digest for blob in store.blobs}  # what a run has put meanwhile
    for digest in sorted(gone):
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
