"""What persons decided about pictures: written at any time, honoured by the next run, taken back by another decision.

decisions/00000042.json holds the decisions that were made at once, and is written once. They come in the order of the
files' numbers, whatever the clocks of those who wrote them say; so no lock is needed, and none of two writers is lost.
A run merges many files into the last of them.
"""

import contextlib
import json
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import pandas as pd
from pydantic import TypeAdapter

from regraft.dataset.decision import Decision, DecisionKind, table_of
from regraft.dataset.decision_files import FOLDER, MAX_FILES, decision_files
from regraft.dataset.past_decisions import Past
from regraft.dataset.shown_pictures import ShownPictures
from regraft.errors import CorruptError, LinkError, StoreError
from regraft.identity import Digest, digest_of
from regraft.links.removals import known_removals
from regraft.store.store import Store

SCHEMA = 1
"""The schema of a file that is written, and the newest that can be read."""
log = logging.getLogger("regraft")
_DECISIONS = TypeAdapter(tuple[Decision, ...])


def decide(
    store: Store,
    decisions: Iterable[Decision],
    is_history: bool = False,
    known: Sequence[Decision] | None = None,
) -> list[Decision]:
    """Have the store keep decisions, all or none, and return those that are new. The store need not be held.

    What holds already is not decided again, so that one undo takes it back; a history of another store is kept as it
    was. `known`: all decisions until now, for who has read them. Raises LinkError where a decision names no picture,
    moves it nowhere, or takes back what nobody decided, and where somebody had a picture removed meanwhile.
    """
    past, pictures = Past(all_decisions(store) if known is None else known), ShownPictures(store)
    for decision in decisions:
        complete = _described(past.with_undone(decision), pictures)
        check_complete(complete)
        if not past.has(complete) and (is_history or not past.holds(complete)):
            past.add(complete)
    if past.new:
        written = _append(store, past.new)
        _check_not_removed(store, written)
    return past.new


def known_decisions(store: Store) -> pd.DataFrame:
    """Return all decisions as a table, columns DECISIONS, in the order in which they were written.

    A damaged file is left out, with a warning. Raises StoreError where a newer Regraft wrote one.
    """
    return table_of(all_decisions(store))


def all_decisions(store: Store) -> list[Decision]:
    """Return all decisions in the order in which they were written, each once.

    A damaged file is left out, with a warning. Raises StoreError where a newer Regraft wrote one.
    """
    decisions: dict[str, Decision] = {}
    for path in decision_files(store):
        try:
            for decision in read_file(store, path):
                decisions.setdefault(decision.id, decision)
        except CorruptError as error:
            log.warning("%s What was decided there is not honoured: decide it again.", error)
    return list(decisions.values())


def read_file(store: Store, path: str) -> list[Decision]:
    """Return the decisions in one file; none where it is gone. Raises CorruptError where it is damaged.

    Raises StoreError where a newer Regraft wrote it.
    """
    where = f"{path} in the store {store.address}"
    try:
        content = json.loads(store.disk.read(path))
        schema, fields = content["schema"], content["decisions"]
        is_copy = content.get("path", path) != path  # files of earlier Regrafts have none
        if schema == SCHEMA and content["digest"] == _digest_of(fields) and not is_copy:
            return list(_DECISIONS.validate_python(fields))
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CorruptError(f"{where} is damaged: it holds no decisions that can be read.") from error
    if isinstance(schema, int) and schema > SCHEMA:
        raise StoreError(f"{where} was written by a newer Regraft: install that one to honour what was decided.")
    what = "it is a copy of another file" if is_copy else "its decisions are not those that were written"
    raise CorruptError(f"{where} is damaged: {what}.")


def compact(store: Store, max_files: int = MAX_FILES) -> None:
    """Merge the files into the last one where they are more than so many. The store must be held.

    Nothing is lost or comes in another order for whoever reads meanwhile, or where this is cut off: the last file holds
    all before any other goes, the others go from the last to the first, and what is read twice counts once. Damaged
    files stay.
    """
    files = decision_files(store)
    if len(files) <= max_files:
        return
    merged, whole = dict[str, Decision](), list[str]()
    for path in files:
        with contextlib.suppress(CorruptError):  # `verify` tells of it
            for decision in read_file(store, path):
                merged.setdefault(decision.id, decision)
            whole.append(path)
    *others, last = whole or [""]
    if others:
        store.disk.write(last, _to_bytes(list(merged.values()), last))
    for path in reversed(others):
        store.disk.delete(path)


def files_on(store: Store, is_removed: Callable[[Decision], bool]) -> list[str]:
    """Return the paths of the files with decisions on what somebody had removed, and of those that are damaged."""
    return [path for path in decision_files(store) if _without(store, path, is_removed) is not None]


def forget(store: Store, path: str, is_removed: Callable[[Decision], bool]) -> None:
    """Remove the decisions of a file that are on what somebody had removed; all of them where the file is damaged.

    A file stays where none of its decisions do, so that no number is used again. The store must be held.
    """
    kept = _without(store, path, is_removed)
    if kept is not None:
        store.disk.write(path, _to_bytes(kept, path))


def _without(store: Store, path: str, is_removed: Callable[[Decision], bool]) -> list[Decision] | None:
    """The other decisions of a file; none where it is damaged. None where there is nothing to be removed."""
    try:
        decisions = read_file(store, path)
    except CorruptError:  # nobody knows what it names
        return []
    kept = [decision for decision in decisions if not is_removed(decision)]
    return kept if len(kept) < len(decisions) else None


def _check_not_removed(store: Store, path: str) -> None:
    """Raise LinkError, and forget the decisions, where a file has some on what somebody had removed meanwhile.

    Who removes has the store know of it before looking for decisions, so one of the two sees the other's work.
    """
    with contextlib.suppress(CorruptError):  # nobody knows what was removed; `verify` tells of it
        removals = known_removals(store)

        def is_removed(decision: Decision) -> bool:
            addresses = (decision.url, decision.final_url)
            return removals.has_picture(decision.digest) or any(map(removals.has_link, addresses))

        if removals and _without(store, path, is_removed) is not None:
            forget(store, path, lambda decision: True)
            raise LinkError("Somebody has just had it removed from this store; nothing was decided.")


def _append(store: Store, decisions: Sequence[Decision]) -> str:
    """Write a file under the next number that nobody else takes, and return its path.

    Where a later file is there then, a run may have merged files meanwhile, so that the number was free again: the file
    is written once more, behind that one.
    """
    written = _create_next(store, decisions)
    if decision_files(store)[-1] == written:
        return written
    last = _create_next(store, decisions)
    store.disk.delete(written)
    return last


def _create_next(store: Store, decisions: Sequence[Decision]) -> str:
    """Write a file under the next free number, and return its path."""
    files = decision_files(store)
    number = int(files[-1].removeprefix(f"{FOLDER}/")[:8]) + 1 if files else 1
    while True:
        path = f"{FOLDER}/{number:08d}.json"
        data = _to_bytes(decisions, path)
        if store.disk.create(path, data):
            return path
        with contextlib.suppress(FileNotFoundError):  # merged meanwhile
            if store.disk.read(path) == data:  # a bucket's first answer was lost, and the request repeated
                return path
        number += 1


def _to_bytes(decisions: Sequence[Decision], path: str) -> bytes:
    """A file of decisions, which says its path too, so that a copy of another file is no damage that nobody sees."""
    fields = _DECISIONS.dump_python(tuple(decisions), mode="json")
    content = {"schema": SCHEMA, "path": path, "digest": _digest_of(fields), "decisions": fields}
    return json.dumps(content, indent=1).encode()


def _digest_of(fields: object) -> Digest:
    """The digest of a file's decisions, by which damage is noticed."""
    return digest_of(json.dumps(fields, sort_keys=True).encode())


def check_complete(decision: Decision) -> None:
    """Raise LinkError where a decision says too little, or nothing new."""
    if not decision.digest and not decision.undoes:
        raise LinkError(f"The decision to {decision.kind} names no picture; nothing was changed.")
    if (decision.kind is DecisionKind.MOVE) != bool(decision.to_category):
        raise LinkError("To move a picture takes the category that it is moved to; nothing was changed.")
    if decision.to_category and decision.to_category == decision.category:
        raise LinkError(f"The picture is in {decision.category!r} already; nothing was changed.")


def _described(decision: Decision, pictures: ShownPictures) -> Decision:
    """A decision with what describes its picture, as far as that is known."""
    if decision.phash or decision.kind in (DecisionKind.SKIP, DecisionKind.UNDO):
        return decision
    shown = pictures.find(decision.url, decision.digest)
    if shown is None:
        return decision
    return replace(decision, final_url=shown.final_url, phash=shown.phash, width=shown.width, height=shown.height)
