"""/pictures and /pictures/DIGEST: a gallery of pictures by verdict; and one picture with all that is known of it."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

import pandas as pd
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from regraft.dataset.decision import Decision, table_of
from regraft.dataset.list_columns import names_of_list_columns
from regraft.errors import PictureError, StoreError
from regraft.flows.web.decision_pages import batch_of
from regraft.flows.web.items import COLUMNS, Item, items_of, with_decisions
from regraft.flows.web.link_pages import SearchOf, filter_choices
from regraft.flows.web.paging import page_of
from regraft.flows.web.rendering import page, records
from regraft.flows.web.site import PageNumber, Site, SiteOf, VersionOf
from regraft.flows.web.thumbnail_pages import DigestOf
from regraft.identity import Digest, short_digest
from regraft.reporting.evidence import Story, stories
from regraft.reporting.likeness import look_alikes, neighbours
from regraft.reporting.link_search import LinkSearch, LinkTable
from regraft.store import versions
from regraft.store.row_tables import rows_among
from regraft.store.version import Version
from regraft.targets.choice import target_of

router = APIRouter()
log = logging.getLogger("regraft")
MANIFEST, PREDICTIONS = "manifest.parquet", "predictions.parquet"
PICTURES_A_PAGE = 120
MAX_LINKS = 50
"""Links of one picture that its page lists."""
MAX_STORIES = 3
"""Links of one picture whose stories are told there; the others' are on their own pages."""
MAX_LIKE = 12
"""Pictures of each kind that are shown beside one."""


@router.get("/pictures")
def pictures(
    request: Request,
    site: SiteOf,
    version: VersionOf,
    search: SearchOf,
    number: Annotated[PageNumber, Query(alias="page")] = 1,
    batch: str = "",
) -> Response:
    """Return the page of the pictures that links fitting a search show, each once. Raises VersionError."""
    links = site.links(version)
    rows = links.rows(replace(search, once=True))
    shown = page_of(number, PICTURES_A_PAGE, len(rows))
    items, decisions = items_of(links.read(rows[shown.rows], COLUMNS)), site.decisions()
    return page(
        request,
        "pictures.html.j2",
        version=version.name,
        names=versions.names(site.store)[::-1],
        search=search,
        items=with_decisions(items, decisions),
        shown=shown,
        batch=batch_of(decisions, batch),
        choices=filter_choices(links),
    )


@router.get("/pictures/{digest}")
def picture(request: Request, site: SiteOf, version: VersionOf, digest: DigestOf, batch: str = "") -> Response:
    """Return the page of one picture. Raises PictureError where neither the version nor the store knows it."""
    links = site.links(version)
    rows = links.rows(LinkSearch(digests=frozenset([digest])))
    shown = links.read(rows[:MAX_LINKS])
    if shown.empty and not site.store.blobs.has(Digest(digest)):
        raise PictureError(f"There is no picture {short_digest(digest)} in {site.store.url}.")
    decisions = site.decisions()
    return page(
        request,
        "picture.html.j2",
        version=version.name,
        digest=digest,
        links=records(shown),
        stories=_stories(site, shown),
        all_links=len(rows),
        items=_items(shown, decisions),
        example=_example(site, version, digest),
        listed=_listed(site, version, digest),
        alike=_look_alikes(links, shown, digest),
        neighbours=_neighbours(site, version, links, digest),
        decisions=_decided(decisions, digest),
        batch=batch_of(decisions, batch),
        choices=filter_choices(links),
    )


def _items(shown: pd.DataFrame, decisions: Sequence[Decision]) -> list[Item]:
    """The picture in each category whose list shows it."""
    return with_decisions(items_of(shown.drop_duplicates("category")[COLUMNS]), decisions)


def _stories(site: Site, shown: pd.DataFrame) -> dict[str, Story]:
    """What became of the first links over all versions, by URL."""
    links = shown.drop_duplicates("url").head(MAX_STORIES)[["url", "category"]].itertuples(index=False, name=None)
    return {url: _story(site, url, category) for url, category in links}


def _story(site: Site, url: str, category: str) -> Story:
    """What became of a link in the list of one category."""
    in_lists = {story.category: story for story in stories(site.store, url)}
    return in_lists.get(category) or next(iter(in_lists.values()))


def _decided(decisions: Sequence[Decision], digest: str) -> list[dict[str, Any]]:
    """What was decided about a picture, the newest first, as rows of the table of decisions."""
    table = table_of(decisions)
    return records(table[table["digest"] == digest][::-1])


def _example(site: Site, version: Version, digest: str) -> dict[str, Any] | None:
    """The picture's split, label and prediction; None where it was not learnt from or measured on."""
    if not version.has(PREDICTIONS):
        return None
    table = site.table(version, PREDICTIONS)
    rows = rows_among(table, "digest", {digest}, table.columns)
    if rows.empty:
        return None
    caption = target_of(version.run.config).captions_with_labels(rows)[0]
    return {"split": rows["split"].iloc[0], "category": rows["category"].iloc[0], "caption": caption}


def _listed(site: Site, version: Version, digest: str) -> dict[str, Any]:
    """What its list says of the picture beside the link, such as a licence, by the column's name."""
    manifest = site.table(version, MANIFEST)
    names = names_of_list_columns(manifest.columns)
    rows = rows_among(manifest, "digest", {digest}, names) if names else pd.DataFrame()
    return {name: value for name, value in records(rows)[0].items() if value is not None} if len(rows) else {}


def _look_alikes(links: LinkTable, shown: pd.DataFrame, digest: str) -> list[Item]:
    """Pictures that look like this one, with how far they are from it."""
    phashes = [phash for phash in shown["phash"] if phash]
    if not phashes:
        return []
    alike = look_alikes(links, digest, phashes[0], MAX_LIKE)
    return items_of(alike.assign(note=[f"{bits} of 64 bits differ" for bits in alike["bits"]]))


def _neighbours(site: Site, version: Version, links: LinkTable, digest: str) -> list[Item]:
    """Pictures whose features are nearest to this one's, with how near they are."""
    manifest = site.table(version, MANIFEST)
    fingerprint = version.run.backbone_fingerprint
    try:
        near = neighbours(manifest, site.store.features, fingerprint, Digest(digest), MAX_LIKE)
    except StoreError as error:  # the index of features may have to be written, and this store only be read
        log.warning("%s No neighbours are shown.", error)
        return []
    if near.empty:
        return []
    shown = links.find(LinkSearch(digests=frozenset(near["digest"]), once=True), COLUMNS).set_index("digest")
    rows = near.assign(
        verdict=near["digest"].map(shown["verdict"]).fillna(""),
        reason=near["digest"].map(shown["reason"]).fillna(""),
        outcome=near["digest"].map(shown["outcome"]),
        url=near["digest"].map(shown["url"]).fillna(""),
        note=[f"cosine {cosine:.2f}" for cosine in near["cosine"]],
    )
    return items_of(rows)
