"""A removal carried out: every step may be cut off and done again, and what names a picture goes before its bytes."""

import base64
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

import numpy as np

from regraft.dataset import decisions
from regraft.errors import CorruptError, VersionError
from regraft.heads.reference_rows import TABLE as REFERENCES
from regraft.identity import Digest, digest_of
from regraft.links.removals import Removals, known_rows, put_rows
from regraft.reporting.examples import jpeg_uri
from regraft.store import versions
from regraft.store.layout import TABLE
from regraft.store.root import FEATURES
from regraft.store.run_record import FileChange, RemovalNote, RunRecord
from regraft.store.store import Store
from regraft.store.tables import arrow_of_parquet, from_parquet, parquet_of_arrow
from regraft.store.version import Version
from regraft.targets.choice import target_of
from regraft.upkeep.held_features import files_without
from regraft.upkeep.receipt import Receipt, put_finished, put_unfinished, receipts
from regraft.upkeep.scrub import EMPTY_PAGE, page_without, table_without
from regraft.upkeep.traces import EXAMPLES, PAGE, is_on_removed, tables_of_links, version_traces

CARD = "MODEL_CARD.md"
PLOT = ".png"
EMBEDDED_SHEET = re.compile(r'(<img id="examples" [^>]*src=")data:[^"]+')
EMBEDDED_PLOT = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=]+)")
LEARNT_FROM = ("train", "validation")
"""The splits from which a head learns."""
AskPrefect = Callable[[Sequence[str]], str]
"""Has Prefect remove the artifacts of all versions that ever lost something; returns a sentence for the receipt."""


def carry_out(store: Store, receipt: Receipt, ask_prefect: AskPrefect | None) -> Receipt:
    """Take out of the store what an unfinished receipt names, and return it finished. The store must be held.

    Before anything else goes, the store knows what must not come back. `ask_prefect` is called first, because a run
    that goes on with a removal that was cut off may have no Prefect to ask.
    """
    put_rows(store, [*known_rows(store), *receipt.rows])
    if ask_prefect and not receipt.prefect:
        changed = dict.fromkeys(its.version for each in (*receipts(store), receipt) for its in each.versions)
        receipt = receipt.model_copy(update={"prefect": ask_prefect(list(changed))})
        put_unfinished(store, receipt)
    removals = Removals.of(receipt.rows)
    _purge_tables(store, removals)
    for version in versions.published(store):
        purge_version(version, removals, receipt.removed_at)
    for left_over in versions.unfinished(store):
        if any(version_traces(left_over, removals, lambda path: None)):
            left_over.delete()
    for path in decisions.files_on(store, lambda decision: is_on_removed(decision, removals)):
        decisions.forget(store, path, lambda decision: is_on_removed(decision, removals))
    _purge_pictures(store, removals)
    finished = receipt.model_copy(update={"files": dict(_changes(store, receipt))})
    put_finished(store, finished)
    return finished


def _changes(store: Store, receipt: Receipt) -> Iterator[tuple[str, FileChange]]:
    """The receipt's files that have changed, with the digests that they have now."""
    for path, change in receipt.files.items():
        try:
            after: Digest | None = digest_of(store.disk.read(path))
        except FileNotFoundError:
            after = None
        if after != change.before:
            yield path, FileChange(before=change.before, after=after)


def _purge_tables(store: Store, removals: Removals) -> None:
    """Take it out of what is known of links. A damaged table goes, as `verify --repair` would have it."""
    for path in tables_of_links(store):
        try:
            table = store.tables.read_arrow(path)
        except CorruptError:
            store.disk.delete(path)
            continue
        kept = table_without(table, removals)
        if kept is not None:
            store.tables.write_arrow(path, kept)


def _purge_pictures(store: Store, removals: Removals) -> None:
    """Take out features, then bytes, and what a run that was cut off has drafted."""
    digests = [Digest(digest) for digest in sorted(removals.pictures)]
    for fingerprint in store.disk.names(FEATURES) if digests else ():
        if store.features.parts_with(fingerprint, digests) or store.features.indexes_with(fingerprint, digests):
            store.features.remove(fingerprint, digests)
    for digest in digests:
        store.blobs.at(digest).delete()
    store.drafts.sweep()


def purge_version(version: Version, removals: Removals, now: datetime) -> None:
    """Take it out of a version, whose run.json says so, and whose model card and report do.

    A damaged table or page goes, because nobody can tell what it holds.
    """
    run = _run_of(version)
    note = next((note for note in run.removals if note.removed_at == now), None) if run else None
    lost = lost_pictures(version, removals)
    learnt = note.learnt if note else sum(lost[split] for split in LEARNT_FROM)
    changed = files_without(version, removals, has_learnt=learnt > 0) | dict(_tables_without(version, removals))
    damaged = [file for file, data in changed.items() if data is None]
    files = {file: data for file, data in changed.items() if data is not None}
    if run and version.has(EXAMPLES) and (lost["test"] or (note and EXAMPLES in note.files)):
        files |= _examples(version, files, run)
    files |= _pages_without(version, removals, files, now)
    if not files and not damaged and note is None:
        return
    if run is None:
        version.replace(files, None)
    else:
        note = note or RemovalNote(removed_at=now, pictures=sum(lost.values()), learnt=learnt, files={})
        files |= _card(version, note)
        version.replace(files, _noted(version, run, note, files, damaged))
    for file in damaged:
        version.store.disk.delete(f"{version.path}/{file}")


def _run_of(version: Version) -> RunRecord | None:
    """run.json; None where it is damaged, so that nothing can be recorded in it."""
    try:
        return version.run
    except VersionError:
        return None


def _tables_without(version: Version, removals: Removals) -> Iterator[tuple[str, bytes | None]]:
    """The tables that change, by name; None where one is damaged."""
    for file in _files(version, TABLE):
        try:
            kept = table_without(arrow_of_parquet(version.read(file)), removals)
        except Exception:  # Arrow raises anything on a damaged file
            yield file, None
            continue
        if kept is not None:
            yield file, parquet_of_arrow(kept)


def _files(version: Version, suffix: str) -> list[str]:
    """The names of the files that end so."""
    return [path.removeprefix(f"{version.path}/") for path in version.sizes() if path.endswith(suffix)]


def lost_pictures(version: Version, removals: Removals) -> dict[str, int]:
    """Return how many pictures of each split a version loses."""
    lost = dict.fromkeys(("train", "validation", "test"), 0)
    try:
        manifest = version.table("manifest.parquet", ["digest", "split"])
    except VersionError:
        return lost
    is_lost = np.array([removals.has_picture(digest) for digest in manifest["digest"]], dtype=bool)
    return lost | {str(split): int(count) for split, count in manifest["split"][is_lost].value_counts().items()}


def _examples(version: Version, files: Mapping[str, bytes], run: RunRecord) -> dict[str, bytes]:
    """The plot of test images, drawn from those that are left; empty where their predictions are damaged."""
    from regraft.reporting import plots  # matplotlib takes a while
    from regraft.reporting.example_sheet import example_sheet

    file = "predictions.parquet"
    try:
        predictions = from_parquet(files[file]) if file in files else version.table(file)
    except VersionError:
        return {EXAMPLES: plots.contact_sheet([], [])}
    return {EXAMPLES: example_sheet(predictions, target_of(run.config), version.store)}


def _pages_without(version: Version, removals: Removals, files: Mapping[str, bytes], now: datetime) -> dict[str, bytes]:
    """The pages that change, by name, each with a sentence that says so."""
    changed = {}
    for file in _files(version, PAGE):
        page = _page(version, file)
        if EXAMPLES in files:
            page = _with_sheet(page, files[EXAMPLES], version)
        kept = page_without(page, removals)
        if kept is None and files:
            kept = page
        if kept is not None:
            changed[file] = _with_note(kept, now).encode()
    return changed


def _with_sheet(page: str, sheet: bytes, version: Version) -> str:
    """A page with another plot of test images, which has a name there.

    On a page of an earlier Regraft the plot is the PNG that is none of the version's other plots.
    """
    page = EMBEDDED_SHEET.sub(lambda image: image[1] + jpeg_uri(sheet), page)
    plots = [path for path in version.sizes() if path.endswith(PLOT) and not path.endswith(EXAMPLES)]
    others = {digest_of(version.store.disk.read(path)) for path in plots}
    drawn = base64.b64encode(sheet).decode()

    def replaced(image: re.Match[str]) -> str:
        is_other = digest_of(base64.b64decode(image[1])) in others
        return image[0] if is_other else image[0].replace(image[1], drawn)

    return EMBEDDED_PLOT.sub(replaced, page)


def _page(version: Version, file: str) -> str:
    """A page; one that is damaged says nothing any more."""
    try:
        return version.read(file).decode("utf-8", "replace")
    except VersionError:
        return EMPTY_PAGE


def _with_note(page: str, now: datetime) -> str:
    """A page that says below its title what was done, once."""
    note = (
        f'<p class="soft">Somebody had pictures or links removed from this version on {now:%Y-%m-%d %H:%M} UTC; its '
        "figures are those of the day that it was published.</p>"
    )
    return page if note in page else page.replace("</h1>", "</h1>\n" + note, 1)


def _card(version: Version, note: RemovalNote) -> dict[str, bytes]:
    """The model card, which says what the head has learnt from."""
    if not version.has(CARD) or not note.pictures:
        return {}
    try:
        card = version.read(CARD).decode("utf-8", "replace")
    except VersionError:  # it is damaged, and names nothing
        return {}
    pictures = "1 picture was" if note.pictures == 1 else f"{note.pictures} pictures were"
    learnt = f"The head had learnt from {note.learnt} of them, which stays in its weights." if note.learnt else ""
    sentence = f"On {note.removed_at:%Y-%m-%d %H:%M} UTC {pictures} removed from this version's data. {learnt}".strip()
    if sentence in card:
        return {}
    title = "" if "\n## Removed\n" in card else "\n## Removed\n"
    return {CARD: f"{card.rstrip()}\n{title}\n{sentence}\n".encode()}


def _noted(
    version: Version, run: RunRecord, note: RemovalNote, files: Mapping[str, bytes], damaged: Sequence[str]
) -> RunRecord:
    """run.json with the digests that files are to have, and the note that says what they had."""
    after: dict[str, Digest | None] = {file: digest_of(data) for file, data in files.items()}
    after |= dict.fromkeys(damaged)
    changes = dict(note.files)
    for file, digest in after.items():
        before = changes[file].before if file in changes else Digest(version.digests.get(file, ""))
        changes[file] = FileChange(before=before, after=digest)
    others = [other for other in run.removals if other.removed_at != note.removed_at]
    digests = {file: digest for file, digest in run.files.items() if file not in damaged}
    known = {file: digest for file, digest in after.items() if file in {*digests, REFERENCES} and digest}
    noted = note.model_copy(update={"files": changes})
    return run.model_copy(update={"files": digests | known, "removals": (*others, noted)})
