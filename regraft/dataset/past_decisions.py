"""What was decided until now, for who decides anew: many decisions at once cost no more than reading them."""

from collections.abc import Sequence
from dataclasses import replace

from regraft.dataset.decision import Decision, DecisionKind, Holding, undone_ids
from regraft.errors import LinkError
from regraft.identity import short_digest


class Past:
    """All decisions until now, in their order, and the new ones that come after them."""

    def __init__(self, known: Sequence[Decision]):
        self.new: list[Decision] = []
        """The decisions that were added."""
        self._known = list(known)
        self._by_id = {decision.id: decision for decision in known}
        self._undone = undone_ids(known)
        self._holding: Holding | None = None
        """Those that hold; None where that has to be worked out again."""

    def has(self, decision: Decision) -> bool:
        """Return whether this very decision is among them."""
        return decision.id in self._by_id

    def holds(self, decision: Decision) -> bool:
        """Return whether the same holds already, by whomever it was decided."""
        if decision.kind is DecisionKind.UNDO:
            return False
        if self._holding is None:
            self._holding = Holding([*self._known, *self.new])
        held = self._holding.by_subject.get(decision.subject)
        return held is not None and held.effect == decision.effect

    def add(self, decision: Decision) -> None:
        """Add a decision."""
        self.new.append(decision)
        self._by_id[decision.id] = decision
        if decision.kind is DecisionKind.UNDO:
            self._take_back(decision.undoes)
        elif self._holding is not None:
            self._holding.add(decision)

    def _take_back(self, name: str) -> None:
        self._holding = None
        if name in self._by_id and self._by_id[name].kind is DecisionKind.UNDO:  # what it took back may hold again
            self._undone = undone_ids([*self._known, *self.new])
        else:
            self._undone.add(name)

    def with_undone(self, decision: Decision) -> Decision:
        """Return an undo with the decision that it takes back: the one that it names, or the last on its picture.

        Any other decision is returned as it is. Raises LinkError where there is nothing to take back.
        """
        if decision.kind is not DecisionKind.UNDO:
            return decision
        last = self._by_id.get(decision.undoes) if decision.undoes else self._last_on(decision)
        if last is None or last.id in self._undone:
            what = decision.undoes or f"on picture {short_digest(decision.digest)}"
            raise LinkError(f"There is no decision {what} that could be taken back; nothing was changed.")
        return replace(decision, undoes=last.id, url=last.url, digest=last.digest, category=last.category)

    def _last_on(self, decision: Decision) -> Decision | None:
        """The last decision that stands on a picture, in its list."""
        for other in reversed([*self._known, *self.new]):
            is_on_picture = other.digest == decision.digest and decision.category in (other.category, "")
            if is_on_picture and other.kind is not DecisionKind.UNDO and other.id not in self._undone:
                return other
        return None
