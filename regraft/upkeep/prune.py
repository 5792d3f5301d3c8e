"""What a store can do without: old versions, and the blobs and features that only they need."""

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from regraft.errors import CorruptError, DamagedVersionError, VersionError
from regraft.identity import Digest
from regraft.links.guests import bring_all_home
from regraft.links.mementos import known_mementos
from regraft.links.memory import all_known_links
from regraft.store import versions
from regraft.store.blobs import Blob
from regraft.store.feature_parts import Part
from regraft.store.locks import champion_locked
from regraft.store.networks import Network
from regraft.store.store import Store
from regraft.store.version import Version

log = logging.getLogger("regraft")


class Usage(NamedTuple):
    """How much room some of a store's files take."""

    files: int
    """Their number."""
    size: int
    """Their bytes."""

    @staticmethod
    def of(sizes: Iterable[int]) -> "Usage":
        """Return the usage of files with these sizes in bytes."""
        known = list(sizes)
        return Usage(len(known), sum(known))


@dataclass(frozen=True)
class PrunePlan:
    """What stays in a store, and what goes."""

    kept: tuple[str, ...]
    """The names of the versions that stay, the oldest first."""
    versions: tuple[Version, ...] = ()
    """Versions that go, and what is left of some that were cut off while they came or went."""
    blobs: tuple[Blob, ...] = ()
    """Blobs that go."""
    features: tuple[Part, ...] = ()
    """Parts of features that go."""
    networks: tuple[Network, ...] = ()
    """Networks that go."""
    drafts: tuple[Blob, ...] = ()
    """Drafts that go: those of runs that were cut off."""
    usage: dict[str, Usage] = field(default_factory=dict)
    """How much room each kind of what goes takes: versions, blobs, features, networks, drafts."""

    @property
    def size(self) -> int:
        """The bytes of all that goes."""
        return sum(usage.size for usage in self.usage.values())


def plan(store: Store, last: int) -> PrunePlan:
    """Return what can go, with no change made: all that neither a version that stays nor a link of today needs.

    The versions that stay are the champion, its line of parents, the champion before it, and the `last` newest ones.
    Blobs stay that such a version learnt from or holds out, or that a link shows today, and features stay with them,
    but for damaged ones, which a run computes again.
    Where a version of the champion's line is damaged, so that nobody knows its parents, all older ones stay too.
    Raises CorruptError where a table of links is damaged, DamagedVersionError where the champion's pointer is.
    """
    names = versions.names(store)
    stays = _lineage(store) | set(names[-last:])
    kept = tuple(name for name in names if name in stays)
    old = (version for version in versions.published(store) if version.name not in kept)
    gone = (*old, *versions.unfinished(store))
    blobs, features, networks = _unneeded(store, kept) if kept else ((), (), ())
    drafts = tuple(store.drafts)
    usage = {
        "versions": Usage.of(size for version in gone for size in version.sizes().values()),
        "blobs": Usage.of(blob.size for blob in blobs),
        "features": Usage.of(part.size for part in features),
        "networks": Usage.of(network.size for network in networks),
        "drafts": Usage.of(draft.size for draft in drafts),
    }
    return PrunePlan(kept, gone, blobs, features, networks, drafts, usage)


def prune(store: Store, last: int, progress: Callable[[str], None]) -> PrunePlan:
    """Remove what `plan` returns, versions first, and return it. Raises LockedError while a run is under way.

    Nobody moves the champion until the versions are gone. `progress` is called with the path of everything that goes.
    """
    with store.held():
        bring_all_home(store)
        with champion_locked(store.disk):
            made = plan(store, last)
            _delete(made.versions, progress)
        _delete([*made.blobs, *made.features, *made.networks, *made.drafts], progress)
    return made


def _delete(unneeded: Iterable[Version | Blob | Part | Network], progress: Callable[[str], None]) -> None:
    for each in unneeded:
        progress(each.path)
        each.delete()


def _lineage(store: Store) -> set[str]:
    """The champion's name, that of the champion before it, and those that it, and each of them, was compared with."""
    names, lineage = set(versions.names(store)), set[str]()
    champion = versions.champion(store)
    name = champion.name if champion else None
    while name is not None and name in names - lineage:
        lineage.add(name)
        try:
            comparison = Version(store, name).metrics.champion
        except DamagedVersionError as error:
            log.warning("All versions older than %s stay, since nobody knows its line: %s", name, error)
            return lineage | {older for older in names if older < name}
        name = comparison.version if comparison else None
    with contextlib.suppress(VersionError):  # there was none, or it is gone
        lineage.add(versions.previous(store).name)
    return lineage


def _unneeded(store: Store, kept: Iterable[str]) -> tuple[tuple[Blob, ...], tuple[Part, ...], tuple[Network, ...]]:
    """The blobs, the parts of features, and the networks, that neither kept versions nor today's links need.

    None where a version that stays is damaged: nobody knows what it needs.
    """
    needed = set(all_known_links(store)["digest"]) | set(known_mementos(store)["digest"])
    fingerprints = set()
    for version in (Version(store, name) for name in kept):
        try:
            fingerprints.add(version.run.backbone_fingerprint)
            needed |= set(_images(version))
        except DamagedVersionError as error:
            log.warning("All blobs and features stay, since nobody knows what a damaged version needs: %s", error)
            return (), (), ()
    blobs = tuple(blob for blob in store.blobs if blob.digest not in needed)
    parts = (part for part in store.features if part.fingerprint not in fingerprints or not _has_any(part, needed))
    networks = tuple(network for network in store.networks if network.fingerprint not in fingerprints)
    return blobs, tuple(parts), networks


def _has_any(part: Part, digests: set[Digest]) -> bool:
    """Whether a part holds features of some images; a damaged one holds none that a run would use."""
    try:
        return not digests.isdisjoint(part.digests())
    except (CorruptError, FileNotFoundError):
        return False


def _images(version: Version) -> Iterator[Digest]:
    """The digests of the images that a version learnt from, tested on or was compared on."""
    for file in ("manifest.parquet", "holdout.parquet"):
        if version.has(file):
            yield from version.table(file)["digest"]
