"""Where a store names or shows what was removed: looked for in every table, page, blob and row of features.

It needs the hashes in `removals.parquet` and nothing else, so whoever doubts that a store holds none of it looks again.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from regraft.dataset import decisions
from regraft.dataset.decision import Decision
from regraft.identity import Digest
from regraft.links.removals import Removals
from regraft.store import versions
from regraft.store.layout import TABLE
from regraft.store.root import FEATURES, LINKS
from regraft.store.store import Store
from regraft.store.tables import arrow_of_parquet
from regraft.store.version import Version
from regraft.upkeep.held_features import unnamed
from regraft.upkeep.scrub import names_removed, rows_of, shows_removed, table_without

PAGE = ".html"
EXAMPLES = "plots/examples.png"
"""The plot that shows pictures; a version's predictions say which."""


@dataclass(frozen=True)
class Trace:
    """A file that names or shows something removed, or that nobody can read."""

    path: str
    """Its path in the store."""
    what: str
    """What it has of it, for people: "3 rows"."""
    is_readable: bool = True
    """Whether that is known; a damaged table goes because nobody can tell."""


def traces(store: Store, removals: Removals, progress: Callable[[str], None]) -> Iterator[Trace]:
    """Yield every file with something of what was removed. `progress` is called with the path of every file."""
    if not removals:
        return
    for path in tables_of_links(store):
        progress(path)
        yield from _file_traces(path, store, removals)
    for version in (*versions.published(store), *versions.unfinished(store)):
        yield from version_traces(version, removals, progress)
    for path in decisions.files_on(store, lambda decision: is_on_removed(decision, removals)):
        progress(path)
        yield Trace(path, "decisions")
    digests = [Digest(digest) for digest in sorted(removals.pictures)]
    for fingerprint in store.disk.names(FEATURES) if digests else ():
        progress(f"{FEATURES}/{fingerprint}")
        for part in store.features.parts_with(fingerprint, digests):
            yield Trace(part.path, "features")
        for path in store.features.indexes_with(fingerprint, digests):
            yield Trace(path, "digests")
    for digest in digests:
        blob = store.blobs.at(digest)
        progress(blob.path)
        if store.disk.exists(blob.path):
            yield Trace(blob.path, f"{blob.size:,} bytes")


def is_on_removed(decision: Decision, removals: Removals) -> bool:
    """Return whether a decision is on a removed picture or link, or speaks of one."""
    if removals.has_picture(decision.digest) or removals.has_link(decision.url):
        return True
    return any(names_removed(text, removals) for text in (decision.final_url, decision.why))


def tables_of_links(store: Store) -> list[str]:
    """Return the paths of the tables of what is known of links and pictures."""
    return [path for path in store.disk.sizes(LINKS) if path.endswith(TABLE)]


def version_traces(version: Version, removals: Removals, progress: Callable[[str], None]) -> Iterator[Trace]:
    """Yield the files of a version with something of what was removed."""
    for path in version.sizes():
        progress(path)
        yield from _file_traces(path, version.store, removals)
    for file in unnamed(version) if removals.pictures else ():
        yield Trace(f"{version.path}/{file}", "features of pictures that nobody names")


def _file_traces(path: str, store: Store, removals: Removals) -> Iterator[Trace]:
    """A table or a page, if it has something of what was removed, and is not gone by now."""
    if not path.endswith((TABLE, PAGE)):
        return
    with contextlib.suppress(FileNotFoundError):  # a run is under way
        data = store.disk.read(path)
        if path.endswith(TABLE) and (trace := _table_trace(path, data, removals)):
            yield trace
        if path.endswith(PAGE) and shows_removed(data.decode("utf-8", "replace"), removals):
            yield Trace(path, "pictures or links")


def _table_trace(path: str, data: bytes, removals: Removals) -> Trace | None:
    try:
        table = arrow_of_parquet(data)
    except Exception:  # Arrow raises anything on a damaged file
        return Trace(path, "it is damaged, so nobody can tell", is_readable=False)
    if table_without(table, removals) is None:
        return None
    rows = int(rows_of(table, removals).sum())
    return Trace(path, f"{rows} rows" if rows != 1 else "1 row")
