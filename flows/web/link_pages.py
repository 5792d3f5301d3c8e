"""/links and /link: the links of a version, looked for and filtered; and one link with its story."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from regraft.errors import LinkError
from regraft.flows.web.paging import page_of
from regraft.flows.web.rendering import page, records
from regraft.flows.web.site import PageNumber, SiteOf, VersionOf
from regraft.reporting.evidence import stories
from regraft.reporting.link_search import LinkSearch, LinkTable
from regraft.reporting.named_reasons import NAMED_REASONS, named_reasons
from regraft.store import versions
from regraft.verdicts import Verdict
from regraft.web.urls import MAX_URL_LENGTH

router = APIRouter()
LINKS_A_PAGE = 100
Text = Annotated[str, Query(max_length=MAX_URL_LENGTH)]


def search_of(
    verdict: Verdict | None = None,
    reason: Annotated[str, Query(max_length=40)] = "",
    category: Annotated[str, Query(max_length=200)] = "",
    host: Annotated[str, Query(max_length=255)] = "",
    text: Text = "",
    refers_to: Text = "",
) -> LinkSearch:
    """Return what a page's query looks for. Raises LinkError where there is no such reason."""
    if reason and reason not in NAMED_REASONS:
        raise LinkError(f"There is no reason {reason!r}; the pages of documentation list them all.")
    return LinkSearch(
        verdict=verdict,
        reason=reason,
        category=category,
        host=host.strip(),
        text=text.strip(),
        refers_to=refers_to,
    )


SearchOf = Annotated[LinkSearch, Depends(search_of)]
"""What a page's query looks for."""


def filter_choices(links: LinkTable) -> dict[str, list[str]]:
    """Return what there is to choose from: verdicts, reasons and categories of some links, the most frequent first."""
    counts = links.counts()
    return {
        "verdicts": list(dict.fromkeys(counts["verdict"])),
        "reasons": list(dict.fromkeys(counts["reason"])),
        "categories": sorted(set(counts["category"])),
    }


@router.get("/links")
def links_page(
    request: Request,
    site: SiteOf,
    version: VersionOf,
    search: SearchOf,
    number: Annotated[PageNumber, Query(alias="page")] = 1,
) -> Response:
    """Return the page of the links that fit a search. Raises VersionError."""
    links = site.links(version)
    rows = links.rows(search)
    shown = page_of(number, LINKS_A_PAGE, len(rows))
    table = links.read(rows[shown.rows])
    return page(
        request,
        "links.html.j2",
        version=version.name,
        names=versions.names(site.store)[::-1],
        search=search,
        links=records(table.assign(named_reason=named_reasons(table))),
        shown=shown,
        all_links=len(links),
        choices=filter_choices(links),
    )


@router.get("/link")
def link_page(request: Request, site: SiteOf, version: VersionOf, url: Text) -> Response:
    """Return the page of one link. Raises LinkError where the version has no such link."""
    links = site.links(version)
    rows = links.find(LinkSearch(text=url))
    rows = rows[rows["url"] == url]
    if rows.empty:
        raise LinkError(f"Version {version.name} has no link {url[:300]!r}.")
    return page(
        request,
        "link.html.j2",
        version=version.name,
        url=url,
        links=records(rows.assign(named_reason=named_reasons(rows))),
        stories=stories(site.store, url),
    )
