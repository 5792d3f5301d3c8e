"""Decisions for tests: made a minute apart, unless a time is handed in."""

import itertools
from datetime import UTC, datetime, timedelta

from regraft.dataset.decision import Decision, DecisionKind

FIRST = datetime(2026, 2, 1, tzinfo=UTC)
_minutes = itertools.count()


def decision(kind: str, digest: str = "x", category: str = "cat", **fields: object) -> Decision:
    """A decision on a picture in a list."""
    about = {"decided_at": FIRST + timedelta(minutes=next(_minutes)), "decided_by": "ada", **fields}
    return Decision(kind=DecisionKind(kind), digest=digest, category=category, **about)  # type: ignore[arg-type]
