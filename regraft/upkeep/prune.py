"""What a store can do without: old versions, and the blobs and features that only they need."""

import io
from collections.abc import Callable
from dataclasses import dataclass, field

import pyarrow.parquet as pq

from regraft.links.memory import known_links
from regraft.links.shards import SHARDS
from regraft.store import versions
from regraft.store.store import Store


@dataclass
class Plan:
    """What would go, and what it takes."""

    kept: list[str]
    """Versions that stay."""
    paths: dict[str, int] = field(default_factory=dict)
    """What goes, with its size in bytes."""

    def of(self, kind: str) -> tuple[int, int]:
        """Return how many paths below a folder go, and their bytes."""
        sizes = [size for path, size in self.paths.items() if path.startswith(kind + "/")]
        return len(sizes), sum(sizes)


def plan(store: Store, last: int) -> Plan:
    """Return what can go: all but the champion, its line of parents, the champion before it, and the last versions.

    Blobs stay that a kept version learnt from or holds out, or that a link shows today; features stay with them.
    """
    published = versions.names(store)
    kept = _line(store) | set(published[len(published) - last :])
    made = Plan([name for name in published if name in kept])
    for name in published:
        if name not in kept:
            made.paths |= _sizes(store, f"versions/{name}")
    if not made.kept:
        return made
    needed, fingerprints = _needed(store, made.kept)
    for folder in store.disk.names("blobs"):
        for rest in store.disk.names(f"blobs/{folder}"):
            if folder + rest not in needed:
                made.paths |= _sizes(store, f"blobs/{folder}/{rest}")
    for fingerprint in store.disk.names("features"):
        for part in store.disk.names(f"features/{fingerprint}"):
            path = f"features/{fingerprint}/{part}"
            if fingerprint not in fingerprints or needed.isdisjoint(_digests(store, path)):
                made.paths |= _sizes(store, path)
    return made


def prune(store: Store, last: int, progress: Callable[[str], None]) -> Plan:
    """Remove what `plan` says, versions first, and return it. Raises LockedError while a run is under way."""
    with store.held():
        made = plan(store, last)
        for path in sorted(made.paths, key=lambda path: (not path.startswith("versions/"), path)):
            progress(path)
            store.disk.delete(path)
        for name in store.disk.names("versions"):
            if not store.disk.names(f"versions/{name}"):
                store.disk.delete(f"versions/{name}")
    return made


def _line(store: Store) -> set[str]:
    """The champion, the one before it, and the versions that each came after."""
    published, found = set(versions.names(store)), set()
    champion = versions.champion(store)
    if champion is None:
        return set()
    name: str | None = champion.name
    while name in published and name not in found:
        found.add(str(name))
        champion_then = versions.version(store, str(name)).metrics.champion
        name = champion_then.version if champion_then else None
    return found


def _needed(store: Store, kept: list[str]) -> tuple[set[str], set[str]]:
    """Digests and fingerprints that kept versions, and the links of today, need."""
    digests = {digest for shard in range(SHARDS) for digest in known_links(store, shard)["digest"]}
    fingerprints = set()
    for name in kept:
        version = versions.version(store, name)
        fingerprints.add(version.run.backbone_fingerprint)
        for file in ("manifest.parquet", "holdout.parquet"):
            if version.has(file):
                digests |= set(version.table(file)["digest"])
    return digests, fingerprints


def _digests(store: Store, path: str) -> set[str]:
    return set(pq.read_table(io.BytesIO(store.disk.read(path)), columns=["digest"]).column("digest").to_pylist())


def _sizes(store: Store, path: str) -> dict[str, int]:
    """The files at or below a path with their bytes."""
    names = store.disk.names(path)
    if not names or names == [path.rpartition("/")[2]]:  # object stores list a file as itself
        return {path: store.disk.size(path)}
    return {file: size for name in names for file, size in _sizes(store, f"{path}/{name}").items()}
