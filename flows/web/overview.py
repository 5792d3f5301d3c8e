"""/: the versions of the store, how they went, and what became of the links of the newest."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from regraft.errors import StoreError, VersionError
from regraft.flows.web.desk import Desk, DeskOf
from regraft.flows.web.rendering import page, records
from regraft.flows.web.trend import Trend, trend
from regraft.reporting.history import Summary, history
from regraft.store import versions
from regraft.targets.wording import WORDINGS

router = APIRouter()
MAX_VERSIONS = 60
"""The newest versions are listed."""


@router.get("/")
def overview(request: Request, desk: DeskOf) -> Response:
    """Return the page of all versions; a sentence where there is none yet, or where some cannot be read."""
    names = versions.names(desk.store)
    if not names and not versions.is_store(desk.store):
        raise StoreError(f"There is no store at {desk.store.address} any more.")
    past = history(desk.store, MAX_VERSIONS)
    readable = {summary.version for summary in past}
    return page(
        request,
        "overview.html.j2",
        past=past[::-1],
        number=len(names),
        unreadable=[name for name in names[-MAX_VERSIONS:] if name not in readable],
        trends=trends(past),
        health=_health(desk, past),
        wordings=WORDINGS,
    )


def trends(past: Sequence[Summary]) -> list[Trend]:
    """Return how alive links and the models' quality went, over the versions with the newest one's kind of target."""
    if not past:
        return []
    alike = [summary for summary in past if summary.target == past[-1].target]
    wording = WORDINGS[past[-1].target]
    figures = [wording.headline(summary)[0] for summary in alike]
    values = [float(getattr(summary, wording.quality_measure) or 0) for summary in alike]
    lines = [
        trend("Alive links", [s.version for s in past], [s.alive for s in past], [f"{s.alive:,}" for s in past]),
        trend(wording.quality_title + " on the test split", [s.version for s in alike], values, figures),
    ]
    return [line for line in lines if line is not None]


def _health(desk: Desk, past: Sequence[Summary]) -> list[dict[str, Any]]:
    """How many links of the newest version have each verdict and reason, the most first; none where it is damaged."""
    if not past:
        return []
    try:
        counts = desk.links(versions.version(desk.store, past[-1].version)).counts()
    except VersionError:
        return []
    rows = counts.groupby(["verdict", "reason"], as_index=False)[["links", "pictures"]].sum()
    return records(rows.sort_values("links", ascending=False, kind="stable"))
