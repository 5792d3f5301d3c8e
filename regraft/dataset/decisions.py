"""What persons decided about pictures: written at any time, honoured by the next run, taken back by another decision.

decisions/00000042.json holds the decisions that were made at once, and is written once. They come in the order of the
files' numbers, whatever the clocks of those who wrote them say; so no lock is needed, and none of two writers is lost.
"""

import json
import logging
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from enum import StrEnum

import pandas as pd
import pyarrow as pa
from pydantic import AwareDatetime, TypeAdapter

from regraft.dataset.shown_pictures import ShownPictures
from regraft.errors import CorruptError, LinkError, StoreError
from regraft.identity import Digest, Url, digest_of
from regraft.links.findings import NO_DIGEST
from regraft.links.memory import TIME
from regraft.store.store import Store

FOLDER = "decisions"
FILE = re.compile(r"(\d{8})\.json")
"""The names of its files; the number says in which order they were written."""
SCHEMA = 1
"""The schema of a file that is written, and the newest that can be read."""
ID_DIGITS = 16
"""Hex digits of a decision's id."""
NO_URL = Url("")
"""The link of a decision that names only a picture."""
log = logging.getLogger("regraft")


class DecisionKind(StrEnum):
    """What can be decided about a picture in a list."""

    ACCEPT = "accept"
    """Learn from the picture, whatever speaks against it: it is replaced, misfiled, or taken for a placeholder."""
    REJECT = "reject"
    """Do not learn from the picture."""
    MOVE = "move"
    """Learn from the picture as one of another category."""
    NOT_PLACEHOLDER = "not_placeholder"
    """The picture does not stand for photos that are gone."""
    SAME_PICTURE = "same_picture"
    """The link shows the picture that it is known for, although it looks otherwise."""
    SKIP = "skip"
    """Ask nobody about the picture until something about it changes."""
    UNDO = "undo"
    """Take an earlier decision back: what holds then is what would hold without that decision."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a person decided about one picture in one list."""

    kind: DecisionKind
    """What was decided."""
    url: Url = NO_URL
    """A link that shows the picture; "" where only the picture is named."""
    digest: Digest = NO_DIGEST
    """The picture."""
    category: str = ""
    """The category whose list shows it; "" for all lists that do."""
    to_category: str = ""
    """Where the picture is moved to; "" where it is not moved."""
    decided_at: AwareDatetime
    """When, by the clock of who decided."""
    decided_by: str = ""
    """Who."""
    why: str = ""
    """The person's own words."""
    review: str = ""
    """What the picture waited for a person as, such as "misfiled"; "" where it did not wait. A picture that is skipped
    waits again once it does so as something else."""
    undoes: str = ""
    """The id of the decision that is taken back; `decide` fills in the last one on the picture where it is ""."""
    final_url: str = ""
    """Where the link led. This and the next three describe the picture, so that it is known when the link is gone;
    `decide` fills them in."""
    phash: str = ""
    """The picture's perceptual hash."""
    width: int = 0
    """The picture's, in pixels."""
    height: int = 0
    """The picture's, in pixels."""

    @property
    def subject(self) -> "Subject":
        """What it is about: the picture, the list, and whether it only says that nobody need be asked."""
        return self.digest, self.category, self.kind is DecisionKind.SKIP

    @property
    def effect(self) -> tuple[str, ...]:
        """What it comes to: two decisions of the same effect on one subject decide the same."""
        depends_on_review = self.kind in (DecisionKind.ACCEPT, DecisionKind.SKIP)
        return self.kind, self.to_category, self.review if depends_on_review else ""

    @property
    def id(self) -> str:
        """Names the decision: the same for the same decision, in whatever store."""
        parts = (self.kind, self.url, self.digest, self.category, self.to_category, self.decided_at.astimezone(UTC))
        words = (self.decided_by, self.why, self.review, self.undoes)
        return digest_of("\x1f".join(map(str, parts + words)).encode("utf-8", "surrogatepass"))[:ID_DIGITS]


Subject = tuple[str, str, bool]
"""A picture's digest, a list's category, "" for all lists, and whether it is to be skipped."""
WORDS = ("kind", "url", "digest", "category", "to_category", "decided_by", "why", "review", "undoes")
"""The fields of a decision that are text and say what was decided."""
DECISIONS = pa.schema(
    [
        ("id", pa.string()),
        ("decided_at", TIME),
        *((name, pa.string()) for name in (*WORDS, "final_url", "phash")),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("undone", pa.bool_()),
    ]
)
"""The columns of the table of decisions: a `Decision`, its id, and whether a later one took it back."""
_DECISIONS = TypeAdapter(tuple[Decision, ...])


def decide(store: Store, decisions: Iterable[Decision], is_history: bool = False) -> list[Decision]:
    """Have the store keep decisions, all or none, and return those that are new. The store need not be held.

    What holds already is not decided again, so that one undo takes it back; a history of another store is kept as it
    was. Raises LinkError where a decision names no picture, moves it nowhere, or takes back what nobody decided.
    """
    known, pictures = all_decisions(store), ShownPictures(store)
    ids, new, holding = {decision.id for decision in known}, list[Decision](), _holding(known)
    for decision in decisions:
        complete = _described(_with_undone(decision, [*known, *new]), pictures)
        check_complete(complete)
        held = holding.get(complete.subject)
        if complete.id in ids or (not is_history and held is not None and held.effect == complete.effect):
            continue
        ids.add(complete.id)
        new.append(complete)
        if complete.kind is DecisionKind.UNDO:
            holding = _holding([*known, *new])
        else:
            _hold(complete, holding)
    if new:
        _append(store, _to_bytes(new))
    return new


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


def table_of(decisions: Sequence[Decision]) -> pd.DataFrame:
    """Return decisions as a table, columns DECISIONS, in their order."""
    undone = undone_ids(decisions)
    rows = [{**vars(decision), "id": decision.id, "undone": decision.id in undone} for decision in decisions]
    return pa.Table.from_pylist(rows, schema=DECISIONS).to_pandas()


def undone_ids(decisions: Sequence[Decision]) -> set[str]:
    """Return the ids of those decisions that later ones took back. An undo can be taken back too."""
    undone: set[str] = set()
    for decision in reversed(decisions):
        if decision.undoes and decision.id not in undone:
            undone.add(decision.undoes)
    return undone


def standing(decisions: Sequence[Decision]) -> list[Decision]:
    """Return the decisions that hold: of those that nobody took back, the last on each picture in each list.

    To skip a picture decides nothing about it, so the last skip holds beside the last of the others.
    """
    return list(_holding(decisions).values())


def _holding(decisions: Sequence[Decision]) -> "dict[Subject, Decision]":
    """The decisions that hold, by what they are about."""
    undone, holding = undone_ids(decisions), dict[Subject, Decision]()
    for decision in decisions:
        if decision.id not in undone and decision.kind is not DecisionKind.UNDO:
            _hold(decision, holding)
    return holding


def _hold(decision: Decision, holding: "dict[Subject, Decision]") -> None:
    """Have a decision hold from now on, in place of those that it overtakes."""
    digest, category, is_skip = subject = decision.subject
    overtaken = [subject]
    if not category:
        overtaken = [other for other in holding if other[0] == digest and other[2] == is_skip]
    for other in overtaken:
        holding.pop(other, None)
    holding[subject] = decision


def decision_files(store: Store) -> list[str]:
    """Return the paths of the files that hold decisions, in their order."""
    return [f"{FOLDER}/{name}" for name in store.disk.names(FOLDER) if FILE.fullmatch(name)]


def read_file(store: Store, path: str) -> list[Decision]:
    """Return the decisions in one file; none where it is gone. Raises CorruptError where it is damaged.

    Raises StoreError where a newer Regraft wrote it.
    """
    where = f"{path} in the store {store.address}"
    try:
        content = json.loads(store.disk.read(path))
        schema, fields = content["schema"], content["decisions"]
        if schema == SCHEMA and content["digest"] == _digest_of(fields):
            return list(_DECISIONS.validate_python(fields))
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CorruptError(f"{where} is damaged: it holds no decisions that can be read.") from error
    if isinstance(schema, int) and schema > SCHEMA:
        raise StoreError(f"{where} was written by a newer Regraft: install that one to honour what was decided.")
    raise CorruptError(f"{where} is damaged: its decisions are not those that were written.")


def files_on(store: Store, is_removed: Callable[[Decision], bool]) -> list[str]:
    """Return the paths of the files with decisions on what somebody had removed, and of those that are damaged."""
    return [path for path in decision_files(store) if _without(store, path, is_removed) is not None]


def forget(store: Store, path: str, is_removed: Callable[[Decision], bool]) -> None:
    """Remove the decisions of a file that are on what somebody had removed; all of them where the file is damaged.

    A file stays where none of its decisions do, so that no number is used again. The store must be held.
    """
    kept = _without(store, path, is_removed)
    if kept is not None:
        store.disk.write(path, _to_bytes(kept))


def _without(store: Store, path: str, is_removed: Callable[[Decision], bool]) -> list[Decision] | None:
    """The other decisions of a file; none where it is damaged. None where there is nothing to be removed."""
    try:
        decisions = read_file(store, path)
    except CorruptError:  # nobody knows what it names
        return []
    kept = [decision for decision in decisions if not is_removed(decision)]
    return kept if len(kept) < len(decisions) else None


def _append(store: Store, data: bytes) -> None:
    """Write a file under the next number that nobody else takes."""
    files = decision_files(store)
    number = int(files[-1].removeprefix(f"{FOLDER}/")[:8]) + 1 if files else 1
    while not store.disk.create(f"{FOLDER}/{number:08d}.json", data):
        number += 1


def _to_bytes(decisions: Sequence[Decision]) -> bytes:
    fields = _DECISIONS.dump_python(tuple(decisions), mode="json")
    return json.dumps({"schema": SCHEMA, "digest": _digest_of(fields), "decisions": fields}, indent=1).encode()


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


def _with_undone(decision: Decision, earlier: Sequence[Decision]) -> Decision:
    """An undo with the decision that it takes back: the one that it names, or the last on its picture."""
    if decision.kind is not DecisionKind.UNDO:
        return decision
    undone = undone_ids(earlier)
    for last in reversed([other for other in earlier if other.id not in undone]):
        is_on_picture = last.digest == decision.digest and decision.category in (last.category, "")
        is_last = is_on_picture and last.kind is not DecisionKind.UNDO
        if last.id == decision.undoes or (is_last and not decision.undoes):
            return replace(decision, undoes=last.id, url=last.url, digest=last.digest, category=last.category)
    what = f"decision {decision.undoes}" if decision.undoes else f"decision on picture {decision.digest[:8]}"
    raise LinkError(f"There is no {what} that could be taken back; nothing was changed.")


def _described(decision: Decision, pictures: ShownPictures) -> Decision:
    """A decision with what describes its picture, as far as that is known."""
    if decision.phash or decision.kind in (DecisionKind.SKIP, DecisionKind.UNDO):
        return decision
    shown = pictures.find(decision.url, decision.digest)
    if shown is None:
        return decision
    return replace(decision, final_url=shown.final_url, phash=shown.phash, width=shown.width, height=shown.height)
