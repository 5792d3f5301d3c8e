"""What somebody wants gone: looked for in all that a store knows, shown, and then taken out of all that it keeps."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pandas as pd

from regraft.errors import CorruptError, DamagedVersionError
from regraft.heads.reference_rows import HOLDERS
from regraft.identity import Digest, digest_of
from regraft.links.memory import all_known_links
from regraft.links.removals import Kind, Removals, known_rows, put_rows
from regraft.store import versions
from regraft.store.run_record import FileChange
from regraft.store.store import Store
from regraft.store.version import Version
from regraft.upkeep.purge import LEARNT_FROM, AskPrefect, carry_out, lost_pictures
from regraft.upkeep.receipt import (
    Receipt,
    RemovedHash,
    VersionChange,
    check_remembered,
    counts_by_kind,
    new_id,
    put_unfinished,
    receipts,
    removals_of,
    unfinished_receipt,
)
from regraft.upkeep.traces import EXAMPLES, PAGE, Trace, traces
from regraft.upkeep.wanted import Search, Wanted
from regraft.verdicts import Reason

SPEAKING = ("/run.json", "/MODEL_CARD.md", *(f"/{file}" for file in HOLDERS), PAGE)
"""The ends of the names of files that may change with a version's tables."""
Progress = Callable[[str], None]


def opted_out(store: Store) -> list[Wanted]:
    """Return the links whose owners now say that they are not to be learnt from."""
    known = all_known_links(store)
    return [Wanted(Kind.LINK, url) for url in dict.fromkeys(known["url"][known["reason"] == Reason.OPTED_OUT])]


@dataclass(frozen=True)
class RemovalPlan:
    """What goes, and what is only offered."""

    hashes: tuple[RemovedHash, ...]
    """What is new in `removals.parquet`."""
    copies: pd.DataFrame
    """The pictures (url, digest, distance) that look like one that goes, and stay unless they are wanted gone too; the
    distance is that of their perceptual hashes, in bits of 64."""
    traces: tuple[Trace, ...]
    """The files that change."""
    versions: tuple[VersionChange, ...]
    """The versions that change."""

    @property
    def count(self) -> dict[Kind, int]:
        """How many of each kind go."""
        return counts_by_kind(self.hashes)


def plan(
    store: Store,
    wanted: Sequence[Wanted],
    *,
    near_duplicates: bool = False,
    ahead: bool = False,
    progress: Progress = lambda path: None,
) -> RemovalPlan:
    """Return what goes, with no change made.

    With a link goes every picture that it ever showed, or a web archive kept of it, but for placeholders; with a
    picture the rows of whatever link shows it. `near_duplicates`: what looks like it goes too. `ahead`: what the store
    does not know is removed before it comes; else it raises LinkError, as do digests that several pictures begin with.
    Raises CorruptError where a table of links is damaged.
    """
    search = Search(store, wanted)
    search.check_known(ahead)
    pictures = search.pictures()
    near = search.look_alikes(pictures)
    if near_duplicates:
        pictures |= dict(zip(near["digest"], near["phash"], strict=True))
        near = near.iloc[:0]
    near_hashes = near["digest"], near["phash"]
    hashes = (
        *dict.fromkeys(its for each in wanted for its in each.hashes),
        *(RemovedHash(kind=Kind.PICTURE, hash=Digest(d), phash=phash) for d, phash in pictures.items()),
        *(RemovedHash(kind=Kind.SPARED, hash=Digest(d), phash=phash) for d, phash in zip(*near_hashes, strict=True)),
    )
    return _plan_of(store, hashes, near, progress)


def _plan_of(store: Store, hashes: tuple[RemovedHash, ...], near: pd.DataFrame, progress: Progress) -> RemovalPlan:
    """What goes with some hashes; `near` (url, digest, distance): the pictures that are only offered."""
    removals = removals_of(hashes)
    changed = tuple(traces(store, removals, progress))
    losses = tuple(_losses(store, removals, {trace.path for trace in changed}))
    return RemovalPlan(hashes, near.reindex(columns=["url", "digest", "distance"]), changed, losses)


def remove(
    store: Store,
    wanted: Sequence[Wanted],
    why: str,
    *,
    near_duplicates: bool = False,
    ahead: bool = False,
    ask_prefect: AskPrefect | None = None,
    now: datetime | None = None,
) -> Receipt:
    """Remove what `plan` returns, and return the receipt, which the store keeps.

    A removal that was cut off is finished first. Raises LockedError while a run is under way; LinkError and
    CorruptError as `plan` does, CorruptError as `finish` does.
    """
    with store.held():
        finish(store, ask_prefect)
        made = plan(store, wanted, near_duplicates=near_duplicates, ahead=ahead)
        receipt = _begin(store, made, why, now)
        return carry_out(store, receipt, ask_prefect)


def finish(store: Store, ask_prefect: AskPrefect | None = None) -> Receipt | None:
    """Go on with a removal that was cut off; return its receipt, None where there is none. The store must be held.

    Raises CorruptError where the table of what was removed is damaged, or an older copy that lacks some.
    """
    check_remembered(store, known_rows(store), receipts(store))
    receipt = unfinished_receipt(store)
    return carry_out(store, receipt, ask_prefect) if receipt else None


def remove_again(store: Store) -> Receipt:
    """Remove once more what had been removed and came back, as from a backup. The store must be held."""
    hashes = tuple(
        RemovedHash(kind=row.kind, hash=Digest(row.hash), phash=row.phash, host=row.host) for row in known_rows(store)
    )
    made = _plan_of(store, hashes, pd.DataFrame(), lambda path: None)
    receipt = _begin(store, made, "It had come back.", None)
    return carry_out(store, receipt, None)


def restore_rows(store: Store) -> None:
    """Put the table of what was removed together from the receipts, as far as it is damaged or gone.

    The store must be held.
    """
    try:
        known = known_rows(store)
    except CorruptError:
        known = []
    put_rows(store, [*known, *(row for receipt in receipts(store) for row in receipt.rows)])


def _begin(store: Store, made: RemovalPlan, why: str, now: datetime | None) -> Receipt:
    """The receipt of a removal that begins now, once the store knows of it."""
    at = (now or datetime.now(UTC)).replace(microsecond=0)
    others = {receipt.removed_at for receipt in receipts(store)}
    while at in others:  # a version's notes tell removals apart by their times
        at += timedelta(seconds=1)
    files, name = dict(_before(store, made)), new_id(store, at)
    receipt = Receipt(id=name, removed_at=at, why=why, hashes=made.hashes, versions=made.versions, files=files)
    put_unfinished(store, receipt)
    return receipt


def _losses(store: Store, removals: Removals, paths: set[str]) -> Iterator[VersionChange]:
    """What each version loses whose files change."""
    try:
        champion = versions.champion(store)
    except DamagedVersionError:
        champion = None
    for version in versions.published(store):
        if any(path.startswith(f"{version.path}/") for path in paths):
            lost = lost_pictures(version, removals)
            yield VersionChange(
                version=version.name,
                pictures=sum(lost.values()),
                learnt=sum(lost[split] for split in LEARNT_FROM),
                is_champion=champion is not None and champion.name == version.name,
            )


def _before(store: Store, made: RemovalPlan) -> Iterator[tuple[str, FileChange]]:
    """The digest of every file that may change: those with traces, and what speaks of them in their versions."""
    paths = [trace.path for trace in made.traces]
    for change in made.versions:
        version = Version(store, change.version)
        paths += [path for path in version.sizes() if path.endswith((*SPEAKING, EXAMPLES))]
    for path in dict.fromkeys(paths):
        try:
            yield path, FileChange(before=digest_of(store.disk.read(path)), after=None)
        except FileNotFoundError:
            continue
