"""/remove: what somebody wants gone is named, shown, and then removed for good; /receipts/ID.html is the receipt."""

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from regraft.errors import LinkError
from regraft.flows.web.access import Refused
from regraft.flows.web.forms import MAX_WHY, FormOf, value
from regraft.flows.web.items import COLUMNS, Item, items_of
from regraft.flows.web.rendering import page
from regraft.flows.web.reports import SECURITY_POLICY
from regraft.flows.web.site import Site, SiteOf
from regraft.links.removals import Kind
from regraft.reporting.link_search import LinkSearch
from regraft.store import versions
from regraft.store.root import RECEIPTS
from regraft.upkeep import remove
from regraft.upkeep.wanted import wanted_in

router = APIRouter()
FORGET_THUMBNAILS = {"Clear-Site-Data": '"cache"'}
"""Has the browser drop what it keeps of these pages, https://www.w3.org/TR/clear-site-data/: thumbnails, for a day."""
MAX_WHAT = 8192
"""Characters of the words that name what is to go; the command reads files of any size."""
MAX_OPTED_OUT = 50
"""Links that have opted out that are offered at a time."""
WORDS = "What is named"
"""How messages call the words of a form."""
MAX_LOOK_ALIKES = 60
"""Pictures that are offered at most."""
MAX_FILES = 100
"""Files that are listed at most."""


@router.get("/remove")
def removal_page(request: Request, site: SiteOf, what: Annotated[str, Query(max_length=MAX_WHAT)] = "") -> Response:
    """Return the page that asks what is to go; once that is named, what would go with it. Raises LinkError."""
    if not what.strip():
        opted_out = [its.text for its in remove.opted_out(site.store)]
        return page(request, "removal.html.j2", opted_out=opted_out[:MAX_OPTED_OUT], all_opted_out=len(opted_out))
    plan = remove.plan(site.store, wanted_in(what, WORDS))
    near = plan.copies.drop_duplicates("digest").head(MAX_LOOK_ALIKES)
    pictures = {its.hash for its in plan.hashes if its.kind is Kind.PICTURE}
    return page(
        request,
        "remove.html.j2",
        what=what,
        pictures=[digest for digest in sorted(pictures) if site.store.blobs.has(digest)],
        files=plan.traces[:MAX_FILES],
        all_files=len(plan.traces),
        learnt=[version for version in plan.versions if version.learnt],
        near=_shown(site, near["digest"]),
    )


def _shown(site: Site, digests: Iterable[str]) -> list[Item]:
    """Some pictures as the newest version shows them."""
    search = LinkSearch(digests=frozenset(digests), once=True)
    return items_of(site.links(versions.newest(site.store)).find(search, COLUMNS)) if search.digests else []


@router.post("/remove")
def remove_for_good(site: SiteOf, form: FormOf) -> Response:
    """Remove what a form names, and lead to the receipt. Raises LockedError while a run is under way."""
    why = value(form, "why").strip()
    if not why:
        raise Refused(400, "Say why: it is kept in the receipt. Nothing was removed.")
    receipt = remove.remove(
        site.store,
        wanted_in(value(form, "what"), WORDS),
        why[:MAX_WHY],
        near_duplicates=value(form, "near_duplicates") == "yes",
        ask_prefect=site.ask_prefect,
    )
    site.forget()
    return RedirectResponse(f"/{RECEIPTS}/{receipt.id}.html", 303, FORGET_THUMBNAILS)


@router.get(f"/{RECEIPTS}/{{name}}.html")
def receipt_page(site: SiteOf, name: Annotated[str, Path(pattern=r"^[\w-]+$")]) -> Response:
    """Return the receipt of a removal. Raises LinkError where there is none."""
    try:
        data = site.store.disk.read(f"{RECEIPTS}/{name}.html")
    except FileNotFoundError:
        raise LinkError(f"There is no receipt {name} in {site.store.url}.") from None
    return Response(data, media_type="text/html; charset=utf-8", headers={"Content-Security-Policy": SECURITY_POLICY})
