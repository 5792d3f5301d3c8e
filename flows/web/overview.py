"""/: the versions of the store, how they went, and what became of the links of the newest."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import Response

from regraft.errors import StoreError, VersionError
from regraft.flows.web.rendering import page, records
from regraft.flows.web.review_page import waiting_count
from regraft.flows.web.site import Site, SiteOf
from regraft.flows.web.trend import Trend, trend
from regraft.reporting.history import Summary, history
from regraft.store import versions
from regraft.store.version import Version
from regraft.targets.wording import WORDINGS

router = APIRouter()
T = TypeVar("T")
MAX_VERSIONS = 60
"""The newest versions are listed."""


@router.get("/")
def overview(request: Request, site: SiteOf) -> Response:
    """Return the page of all versions; a sentence where there is none yet, or where some cannot be read."""
    names = versions.names(site.store)
    if not names and not versions.is_store(site.store):
        raise StoreError(f"There is no store at {site.store.address} any more.")
    past = history(site.store, MAX_VERSIONS)
    readable = {summary.version for summary in past}
    newest = versions.version(site.store, past[-1].version) if past else None
    return page(
        request,
        "overview.html.j2",
        past=past[::-1],
        number=len(names),
        unreadable=[name for name in names[-MAX_VERSIONS:] if name not in readable],
        trends=trends(past),
        health=_if_whole(lambda: _health(site, newest) if newest else []),
        waiting=_if_whole(lambda: waiting_count(site) if newest else None),
        charts=_if_whole(lambda: site.charts(newest) if newest else []),
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


def _health(site: Site, version: Version) -> list[dict[str, Any]]:
    """How many links of a version have each verdict and reason, the most first."""
    rows = site.links(version).counts().groupby(["verdict", "reason"], as_index=False)[["links", "pictures"]].sum()
    return records(rows.sort_values("links", ascending=False, kind="stable"))


def _if_whole(part: Callable[[], T]) -> T | None:
    """A part of the page; None where the table that it is made from is damaged, so that the rest is shown."""
    try:
        return part()
    except VersionError:
        return None
