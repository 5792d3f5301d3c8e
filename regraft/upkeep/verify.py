"""A store looked through: every digest, every table, every pointer; and what can be mended, mended."""

import contextlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from regraft.config import FetchSettings
from regraft.errors import RegraftError
from regraft.identity import digest_of
from regraft.links.memory import known_links
from regraft.links.shards import SHARDS
from regraft.store import versions
from regraft.store.features import is_whole
from regraft.store.store import Store
from regraft.web.client import Body, Client
from regraft.web.guard import Guard

DEADLINE_S = 30


@dataclass(frozen=True)
class Damage:
    """Something that is not what it should be."""

    path: str
    what: str
    mended: str = ""
    """How it was mended; nothing if it was not."""


def verify(store: Store, repair: bool, fetch: FetchSettings, progress: Callable[[str], None]) -> Iterator[Damage]:
    """Yield what is damaged, once `repair` has done what it can; `progress` hears of every file.

    Damaged features are dropped, and computed again by the next run. Damaged blobs are fetched again, through the
    guarded client, where a link still serves the very bytes. A champion that is no version is replaced by the newest
    version that became one. Published versions are never changed.
    """
    yield from _blobs(store, repair, fetch, progress)
    yield from _features(store, repair, progress)
    for name in versions.names(store):
        yield from _version(versions.version(store, name), progress)
    yield from _champion(store, repair)


def _blobs(store: Store, repair: bool, fetch: FetchSettings, progress: Callable[[str], None]) -> Iterator[Damage]:
    known = pd.concat(
        [known_links(store, shard)[["digest", "final_url"]] for shard in range(SHARDS)], ignore_index=True
    )
    client = Client(Guard(fetch.allow), proxy=fetch.proxy, user_agent=fetch.user_agent, max_bytes=fetch.max_bytes)
    there = set()
    for folder in store.disk.names("blobs"):
        for rest in store.disk.names(f"blobs/{folder}"):
            path, digest = f"blobs/{folder}/{rest}", folder + rest
            progress(path)
            there.add(digest)
            if digest_of(store.disk.read(path)) == digest:
                continue
            mended = ""
            if repair:
                store.disk.delete(path)
                mended = _fetched(digest, known, store, client)
            yield Damage(path, "its bytes are not what its name says", mended)
    for digest in sorted(_needed(store) - there):
        mended = _fetched(digest, known, store, client) if repair else ""
        yield Damage(f"blobs/{digest[:2]}/{digest[2:]}", "it is gone, and versions name it", mended)


def _needed(store: Store) -> set[str]:
    """The digests in all manifests that can be read."""
    found: set[str] = set()
    for name in versions.names(store):
        with contextlib.suppress(Exception):  # a damaged manifest is told of where versions are looked through
            found |= set(versions.version(store, name).table("manifest.parquet")["digest"])
    return found


def _fetched(digest: str, known: pd.DataFrame, store: Store, client: Client) -> str:
    """Fetch a blob again from wherever it was; tell how it went, or nothing where nobody serves it any more."""
    for url in known.loc[known["digest"] == digest, "final_url"].drop_duplicates():
        _, answer = client.follow(str(url), DEADLINE_S)
        if isinstance(answer, Body) and digest_of(answer.data) == digest:
            store.put_blob(answer.data)
            store.disk.settle()
            return f"fetched again from {url}"
    return ""


def _features(store: Store, repair: bool, progress: Callable[[str], None]) -> Iterator[Damage]:
    for fingerprint in store.disk.names("features"):
        for name in store.disk.names(f"features/{fingerprint}"):
            path = f"features/{fingerprint}/{name}"
            progress(path)
            if (what := _feature_damage(store.disk.read(path), name)) is None:
                continue
            if repair:
                store.disk.delete(path)
            yield Damage(path, what, "dropped; the next run computes them again" if repair else "")


def _feature_damage(data: bytes, name: str) -> str | None:
    if not is_whole(data, name):
        return "its bytes are not what its name says"
    column = pq.read_table(io.BytesIO(data)).column("features").combine_chunks().flatten()
    return None if np.isfinite(np.asarray(column)).all() else "it holds values that are no numbers"


def _version(version: versions.Version, progress: Callable[[str], None]) -> Iterator[Damage]:
    """Every file against the digest that run.json tells; versions of earlier Regrafts tell none."""
    try:
        told = version.run.files
    except RegraftError as error:
        yield Damage(f"versions/{version.name}/run.json", str(error))
        return
    for file, digest in told.items():
        path = f"versions/{version.name}/{file}"
        progress(path)
        try:
            if digest_of(version.read(file)) != digest:
                yield Damage(path, "its bytes are not what was published; promote another version, and run again")
        except RegraftError:
            yield Damage(path, "it is gone; promote another version, and run again")


def _champion(store: Store, repair: bool) -> Iterator[Damage]:
    """The pointer must name a version."""
    try:
        champion = versions.champion(store)
        if champion is None or champion.name in versions.names(store):
            return
        what = f"it names {champion.name}, which is no version"
    except RegraftError as error:
        what = str(error)
    mended = ""
    promoted = [n for n in versions.names(store) if versions.version(store, n).metrics.promoted]
    if repair and promoted:
        store.disk.delete(versions.CHAMPION)
        versions.promote(store, promoted[-1], None)
        mended = f"points at {promoted[-1]}, the newest that became champion"
    yield Damage(versions.CHAMPION, what, mended)
