"""/remove: what somebody wants gone is shown, and then removed for good; /receipts/ID.html says what was removed."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from regraft.errors import LinkError
from regraft.flows.web.access import Refused
from regraft.flows.web.forms import FormOf, value
from regraft.flows.web.items import COLUMNS, items_of
from regraft.flows.web.rendering import page
from regraft.flows.web.reports import SECURITY_POLICY
from regraft.flows.web.site import SiteOf
from regraft.links.removals import Kind
from regraft.reporting.link_search import LinkSearch
from regraft.store import versions
from regraft.upkeep import remove
from regraft.upkeep.receipt import FOLDER
from regraft.upkeep.wanted import DIGEST, FULL_DIGITS, Wanted

router = APIRouter()
MAX_WHY = 500
"""Characters of the reason that the receipt keeps."""
MAX_LOOK_ALIKES = 60
"""Pictures that are offered at most."""
MAX_FILES = 100
"""Files that are listed at most."""


@router.get("/remove")
def removal_page(request: Request, site: SiteOf, what: Annotated[str, Query(max_length=8192)]) -> Response:
    """Return the page that says what would go with a link or a picture. Raises LinkError where it is not known."""
    plan = remove.plan(site.store, [_wanted(what)])
    links = site.links(versions.newest(site.store))
    near = plan.copies.drop_duplicates("digest").head(MAX_LOOK_ALIKES)
    shown = links.find(LinkSearch(digests=frozenset(near["digest"]), once=True), COLUMNS)
    pictures = {its.hash for its in plan.hashes if its.kind is Kind.PICTURE}
    return page(
        request,
        "remove.html.j2",
        what=what,
        pictures=[digest for digest in sorted(pictures) if site.store.blobs.has(digest)],
        files=plan.traces[:MAX_FILES],
        all_files=len(plan.traces),
        learnt=[version for version in plan.versions if version.learnt],
        near=items_of(shown),
        max_why=MAX_WHY,
    )


@router.post("/remove")
def remove_for_good(site: SiteOf, form: FormOf) -> Response:
    """Remove what a form names, and lead to the receipt. Raises LockedError while a run is under way."""
    why = value(form, "why").strip()
    if not why:
        raise Refused(400, "Say why: it is kept in the receipt. Nothing was removed.")
    receipt = remove.remove(
        site.store,
        [_wanted(value(form, "what"))],
        why[:MAX_WHY],
        near_duplicates=value(form, "near_duplicates") == "yes",
        ask_prefect=site.ask_prefect,
    )
    return RedirectResponse(f"/{FOLDER}/{receipt.id}.html", 303)


@router.get(f"/{FOLDER}/{{name}}.html")
def receipt_page(site: SiteOf, name: Annotated[str, Path(pattern=r"^[\w-]+$")]) -> Response:
    """Return the receipt of a removal. Raises LinkError where there is none."""
    try:
        data = site.store.disk.read(f"{FOLDER}/{name}.html")
    except FileNotFoundError:
        raise LinkError(f"There is no receipt {name} in {site.store.url}.") from None
    return Response(data, media_type="text/html; charset=utf-8", headers={"Content-Security-Policy": SECURITY_POLICY})


def _wanted(text: str) -> Wanted:
    """A picture, by its whole digest, or else a link."""
    is_digest = len(text) == FULL_DIGITS and DIGEST.fullmatch(text)
    return Wanted(Kind.PICTURE if is_digest else Kind.LINK, text)
