"""Which decision of a person holds for which link of a run, and what it comes to."""

import dataclasses
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.dataset.decision import Decision, DecisionKind, standing, table_of
from regraft.dataset.shown_pictures import Shown
from regraft.pictures.perceptual import distance, is_outdated
from regraft.store.tables import is_in

LEARN = (DecisionKind.ACCEPT, DecisionKind.MOVE)
"""Decisions to learn from a picture, whatever speaks against it."""
IS_PHOTO = (*LEARN, DecisionKind.NOT_PLACEHOLDER)
"""Decisions by which a picture is no placeholder."""
IS_KNOWN = (*LEARN, DecisionKind.SAME_PICTURE)
"""Decisions by which a link may show the picture that it shows."""
RULINGS = ["decision", "kind", "to_category", "review"]
"""The columns of what `Rulings.on` returns."""


class Rulings:
    """The decisions that hold in one run.

    A decision holds for its picture in its list, and also where its link shows that picture saved anew. `categories`
    are the job's; what was moved to another one is not learnt from, since somebody said that it is not of its own.
    """

    def __init__(self, decisions: Sequence[Decision] = (), categories: Collection[str] = (), near: int = 0):
        self.decisions = tuple(decisions)
        """All decisions, in their order."""
        self.moved_away: list[Decision] = []
        """Those that moved a picture to a category that the job does not have."""
        self._near = near
        self._kinds: dict[str, DecisionKind] = {}
        self._on_picture: dict[tuple[str, str], Decision] = {}
        self._on_link: dict[str, list[Decision]] = {}
        for decision in standing(decisions):
            if decision.kind is not DecisionKind.SKIP:
                self._add(decision, categories)

    def _add(self, decision: Decision, categories: Collection[str]) -> None:
        self._kinds[decision.id] = decision.kind
        if decision.to_category and decision.to_category not in categories:
            self._kinds[decision.id] = DecisionKind.REJECT
            self.moved_away.append(decision)
        self._on_picture[decision.digest, decision.category] = decision
        if decision.url and decision.phash and not is_outdated(decision.phash):
            self._on_link.setdefault(decision.url, []).append(decision)

    def on(self, links: pd.DataFrame) -> pd.DataFrame:
        """Return the decisions that hold for links (url, digest, phash, category), one row for each link with one.

        Columns RULINGS, with the id of the decision; the index is that of the links.
        """
        if not self._on_picture:
            return pd.DataFrame(columns=RULINGS, dtype=object)
        digests = {digest for digest, _ in self._on_picture}
        is_decided = is_in(links["digest"], digests) | is_in(links["url"], self._on_link)
        columns = ["url", "digest", "phash", "category"]
        few = links[columns][is_decided & (links["digest"] != "")]
        rows = {
            index: (decision.id, self._kinds[decision.id], decision.to_category, decision.review)
            for index, *fields in few.itertuples(name=None)
            if (decision := self._holding(*fields)) is not None
        }
        return pd.DataFrame.from_dict(rows, orient="index", columns=RULINGS, dtype=object)

    def _holding(self, url: str, digest: str, phash: str, category: str) -> Decision | None:
        for scope in (category, ""):
            if decision := self._on_picture.get((digest, scope)):
                return decision
        for decision in reversed(self._on_link.get(url, ())):
            if phash and decision.category in (category, "") and distance(decision.phash, phash) <= self._near:
                return decision
        return None

    def photos(self) -> pd.DataFrame:
        """Return the pictures that are no placeholders: digest, final_url, phash, width, height."""
        photos = [d for d in self.decisions if self._kinds.get(d.id) in IS_PHOTO]
        return pd.DataFrame(
            [(d.digest, d.final_url, d.phash, d.width, d.height) for d in photos], columns=["digest", *Shown._fields]
        )

    def relisted(self, pictures: pd.DataFrame) -> pd.DataFrame:
        """Return pictures (digest, category) of earlier runs in the categories of today, without the rejected ones.

        So what was decided holds for a picture whose links are gone, too.
        """
        moves = (decision for decision in self.decisions if decision.kind is DecisionKind.MOVE)
        listed_in = {(move.digest, move.to_category): move.category for move in moves}
        pairs = zip(pictures["digest"], pictures["category"], strict=True)
        categories = [self._category_of(digest, listed_in.get((digest, name), name)) for digest, name in pairs]
        today = pd.Series(categories, pictures.index, dtype=object).astype(pictures["category"].dtype)
        return pictures.assign(category=today).dropna(subset="category")

    def _category_of(self, digest: str, listed: str) -> str | None:
        """The category that a picture of a list is learnt as; None where it was rejected."""
        decision = self._on_picture.get((digest, listed)) or self._on_picture.get((digest, ""))
        if decision is None:
            return listed
        if self._kinds[decision.id] is DecisionKind.REJECT:
            return None
        return decision.to_category or listed

    def table(self, honoured: "pd.Series[str]") -> pd.DataFrame:
        """Return all decisions, columns DECISIONS, and for how many links each held: `links`.

        `honoured` are the ids of the decisions that held for links, "" for those without.
        """
        counts = Counter(honoured[honoured != ""])
        decisions = table_of(self.decisions)
        return decisions.assign(links=[counts[decision] for decision in decisions["id"]])


def of_kind(rulings: pd.DataFrame, links: pd.DataFrame, kinds: Iterable[DecisionKind]) -> NDArray[np.bool_]:
    """Return for which links a decision of some kinds holds; `rulings` is what `Rulings.on` returned for them."""
    if rulings.empty:
        return np.zeros(len(links), dtype=bool)
    rows = rulings.index[rulings["kind"].isin(list(kinds))]
    return np.asarray(links.index.isin(rows))


def decisions_in(table: pd.DataFrame) -> list[Decision]:
    """Return the decisions of a table with the columns DECISIONS."""
    fields = [field.name for field in dataclasses.fields(Decision)]
    rows = table.assign(decided_at=[moment.to_pydatetime() for moment in table["decided_at"]])[fields]
    decisions = (dict(zip(fields, row, strict=True)) for row in rows.astype(object).itertuples(index=False))
    return [Decision(**{**row, "kind": DecisionKind(row["kind"])}) for row in decisions]


NO_RULINGS = Rulings()
"""Where nobody decided anything."""
