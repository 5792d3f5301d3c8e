"""What a person decided about a picture, and which of many decisions hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from enum import StrEnum

import pandas as pd
import pyarrow as pa
from pydantic import AwareDatetime

from regraft.identity import Digest, Url, digest_of
from regraft.links.findings import NO_DIGEST
from regraft.links.memory import TIME

ID_DIGITS = 16
"""Hex digits of a decision's id."""
NO_URL = Url("")
"""The link of a decision that names only a picture."""


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


IN_THE_PAST = {
    DecisionKind.ACCEPT: "accepted",
    DecisionKind.REJECT: "rejected",
    DecisionKind.MOVE: "moved",
    DecisionKind.NOT_PLACEHOLDER: "called a photo",
    DecisionKind.SAME_PICTURE: "called the same picture",
    DecisionKind.SKIP: "skipped",
    DecisionKind.UNDO: "taken back",
}
"""What was done to a picture, for people, by the kind of the decision."""


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
    return list(Holding(decisions).by_subject.values())


class Holding:
    """The decisions that hold, see `standing`."""

    def __init__(self, decisions: Sequence[Decision]):
        self.by_subject: dict[Subject, Decision] = {}
        """By what they are about, in the order in which they were decided."""
        self._categories: dict[tuple[str, bool], set[str]] = {}
        """Of each picture, the lists in which something holds; the skips by themselves."""
        undone = undone_ids(decisions)
        for decision in decisions:
            if decision.id not in undone and decision.kind is not DecisionKind.UNDO:
                self.add(decision)

    def add(self, decision: Decision) -> None:
        """Have a decision hold from now on, in place of those that it overtakes: for all lists, those for one."""
        digest, category, is_skip = subject = decision.subject
        categories = self._categories.setdefault((digest, is_skip), set())
        for overtaken in categories & {category} if category else set(categories):
            del self.by_subject[digest, overtaken, is_skip]
            categories.remove(overtaken)
        self.by_subject[subject] = decision
        categories.add(category)
