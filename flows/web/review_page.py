"""/review: what waits for a person, one kind after the other."""

from collections import Counter
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from regraft.flows.web.decision_pages import batch_of
from regraft.flows.web.items import Item
from regraft.flows.web.link_pages import filter_choices
from regraft.flows.web.paging import page_of
from regraft.flows.web.rendering import page
from regraft.flows.web.site import PageNumber, Site, SiteOf
from regraft.reporting.review import ReviewItem, ReviewKind, undecided
from regraft.store import versions

router = APIRouter()
PICTURES_A_PAGE = 60
TITLES = {
    ReviewKind.REPLACED: "Shows another picture",
    ReviewKind.MISFILED: "Probably in the wrong list",
    ReviewKind.DUPLICATE: "In two lists",
    ReviewKind.PLACEHOLDER: "Taken for a placeholder",
    ReviewKind.NEAR_DUPLICATE: "Near-duplicate",
    ReviewKind.DOUBTFUL: "Doubtful prediction",
    ReviewKind.UNLIKE: "Unlike training",
}
"""What pictures wait as, in words."""


@router.get("/review")
def review_page(
    request: Request,
    site: SiteOf,
    kind: ReviewKind | None = None,
    number: Annotated[PageNumber, Query(alias="page")] = 1,
    batch: str = "",
) -> Response:
    """Return the page of what waits for a person in the newest version, of one kind or of all. Raises VersionError."""
    version, decisions = versions.newest(site.store), site.decisions()
    waiting = undecided(site.waiting(version), decisions)
    chosen = [item for item in waiting if kind is None or item.kind is kind]
    counts = Counter(item.kind for item in waiting)
    shown = page_of(number, PICTURES_A_PAGE, len(chosen)) if chosen else page_of(1, PICTURES_A_PAGE, 0)
    return page(
        request,
        "review.html.j2",
        version=version.name,
        kind=kind,
        tabs=[(each, TITLES[each], counts[each]) for each in ReviewKind if counts[each] or each is kind],
        total=len(waiting),
        items=[item_of(item) for item in chosen[shown.rows]],
        shown=shown,
        batch=batch_of(decisions, batch),
        choices=filter_choices(site.links(version)),
    )


def item_of(item: ReviewItem) -> Item:
    """Return what is shown of a picture that waits."""
    return Item(
        digest=item.digest,
        category=item.category,
        reason=str(item.kind),
        url=item.urls[0],
        links=len(item.urls),
        note=item.sentence,
        review=str(item.kind),
        refers_to=item.refers_to if item.refers_to != item.digest else "",
    )


def waiting_count(site: Site) -> int:
    """Return how many pictures of the newest version wait for a person. Raises VersionError."""
    return len(undecided(site.waiting(versions.newest(site.store)), site.decisions()))
