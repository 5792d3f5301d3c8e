"""A store checked: every digest, every table, every pointer; and what can be mended, mended."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from regraft.config import FetchSettings
from regraft.errors import CorruptError, RegraftError
from regraft.identity import Digest, digest_of
from regraft.links.memory import all_known_links
from regraft.store import versions
from regraft.store.feature_parts import Part
from regraft.store.store import Store
from regraft.store.versions import Version
from regraft.web.answers import Body
from regraft.web.client import Client

DEADLINE_S = 30
"""For fetching one blob again from one address."""
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Damage:
    """A file that is not what it should be."""

    path: str
    """Its path in the store."""
    what: str
    """What is wrong with it."""
    mended: str = ""
    """How it was mended; empty where it was not."""


def verify(store: Store, repair: bool, fetch: FetchSettings, progress: Progress) -> Iterator[Damage]:
    """Yield what is damaged, once `repair` has done what it can. `progress` is called with the path of every file.

    Damaged features are removed, and the next run computes them again. Damaged blobs are fetched again, through the
    guarded client, where a link still serves the very same bytes. Damaged drafts are removed. A champion that is no
    version is replaced by the newest version that once became champion. Published versions are never changed.
    """
    yield from _damaged_blobs(store, repair, fetch, progress)
    yield from _damaged_features(store, repair, progress)
    yield from _damaged_drafts(store, repair, progress)
    for version in versions.published(store):
        yield from damaged_files(version, progress)
    yield from _damaged_champion(store, repair)


def _damaged_blobs(store: Store, repair: bool, fetch: FetchSettings, progress: Progress) -> Iterator[Damage]:
    sources = all_known_links(store)[["digest", "final_url"]]
    client = Client.of(fetch)
    present = set()
    for blob in store.blobs:
        progress(blob.path)
        present.add(blob.digest)
        if blob.is_whole:
            continue
        mended = ""
        if repair:
            blob.delete()
            mended = _fetch_again(blob.digest, sources, store, client)
        yield Damage(blob.path, "its bytes are not what its name says", mended)
    for digest in sorted(_learnt_from(store) - present):
        mended = _fetch_again(digest, sources, store, client) if repair else ""
        yield Damage(store.blobs.at(digest).path, "it is gone, and versions name it", mended)


def _learnt_from(store: Store) -> set[Digest]:
    """The digests in all manifests that can be read."""
    digests: set[Digest] = set()
    for version in versions.published(store):
        with contextlib.suppress(Exception):  # a damaged manifest is reported with its version
            digests |= set(version.table("manifest.parquet")["digest"])
    return digests


def _fetch_again(digest: Digest, sources: pd.DataFrame, store: Store, client: Client) -> str:
    """Fetch a blob from wherever it once was; return how that went, "" where nobody serves it any more."""
    for url in sources.loc[sources["digest"] == digest, "final_url"].drop_duplicates():
        _, answer = client.follow(str(url), DEADLINE_S)
        match answer:
            case Body() if digest_of(answer.data) == digest:
                store.blobs.put(answer.data)
                store.disk.settle()
                return f"fetched again from {url}"
    return ""


def _damaged_features(store: Store, repair: bool, progress: Progress) -> Iterator[Damage]:
    for part in store.features:
        progress(part.path)
        if what := _damage_of(part):
            if repair:
                part.delete()
            yield Damage(part.path, what, "removed; the next run computes them again" if repair else "")


def _damage_of(part: Part) -> str:
    """What is wrong with a part; "" where nothing is."""
    try:
        _, rows = part.read()
    except CorruptError:
        return "its bytes are not what its name says"
    return "" if np.isfinite(rows).all() else "it holds values that are not finite numbers"


def _damaged_drafts(store: Store, repair: bool, progress: Progress) -> Iterator[Damage]:
    for draft in store.drafts:
        progress(draft.path)
        if not draft.is_whole:
            if repair:
                draft.delete()
            yield Damage(draft.path, "its bytes are not what its name says", "removed" if repair else "")


def damaged_files(version: Version, progress: Progress) -> Iterator[Damage]:
    """Every file of a version that has not the digest in run.json; versions of earlier Regrafts have none there."""
    try:
        digests = version.run.files
    except RegraftError as error:
        yield Damage(f"{version.path}/run.json", str(error))
        return
    for file, digest in digests.items():
        path = f"{version.path}/{file}"
        progress(path)
        try:
            if digest_of(version.read(file)) != digest:
                yield Damage(path, "its bytes are not what was published; promote another version, and run again")
        except RegraftError:
            yield Damage(path, "it is gone; promote another version, and run again")


def _damaged_champion(store: Store, repair: bool) -> Iterator[Damage]:
    """The pointer, where it does not point at a version."""
    try:
        champion = versions.champion(store)
        if champion is None or champion.name in versions.names(store):
            return
        what = f"it names {champion.name}, which is no version"
    except RegraftError as error:
        what = str(error)
    yield Damage(versions.CHAMPION, what, _restore_champion(store) if repair else "")


def _restore_champion(store: Store) -> str:
    """Make the newest version that once became champion the champion; return how that went, "" where there is none."""
    promoted = []
    for version in versions.published(store):
        with contextlib.suppress(RegraftError):  # a damaged version is reported by itself
            promoted += [version.name] if version.metrics.promoted else []
    if not promoted:
        return ""
    versions.forget_champion(store)
    versions.promote(store, promoted[-1], None)
    return f"points at {promoted[-1]}, the newest that became champion"
