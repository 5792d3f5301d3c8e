"""/decisions: what persons decided, and where they decide it and take it back."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from regraft.dataset.decision import IN_THE_PAST, Decision, DecisionKind, table_of
from regraft.dataset.decisions import decide
from regraft.flows.web.access import Refused
from regraft.flows.web.forms import MAX_WHY, Form, FormOf, back, value
from regraft.flows.web.items import named_items
from regraft.flows.web.paging import page_of
from regraft.flows.web.rendering import page, records
from regraft.flows.web.site import PageNumber, SiteOf
from regraft.identity import Url
from regraft.store import versions

router = APIRouter()
DECISIONS_A_PAGE = 100
MAX_BATCH_IDS = 1_000
"""Decisions that are taken back at once."""
BATCH = re.compile(r"([0-9a-f]{16})-([0-9]{1,4})")
"""How an address names decisions that were made at once."""


@dataclass(frozen=True)
class Batch:
    """The decisions that were just made at once."""

    ids: tuple[str, ...]
    sentence: str
    """What was decided, for people."""


def batch_of(decisions: Sequence[Decision], word: str) -> Batch | None:
    """Return the decisions that a page's address names as just made: the first one's id and their number."""
    named, ids = BATCH.fullmatch(word), [decision.id for decision in decisions]
    if named is None or named[1] not in ids:
        return None
    made = decisions[ids.index(named[1]) :][: int(named[2])]
    return Batch(tuple(decision.id for decision in made), _sentence(made))


def _sentence(made: Sequence[Decision]) -> str:
    """What was just decided, for people."""
    kind, number = made[0].kind, len(made)
    if kind is DecisionKind.UNDO:
        return "1 decision is taken back." if number == 1 else f"{number:,} decisions are taken back."
    to_category = f" to {made[0].to_category}" if made[0].to_category else ""
    pictures = "1 picture is" if number == 1 else f"{number:,} pictures are"
    honour = "" if kind is DecisionKind.SKIP else f" The next run honours {'it' if number == 1 else 'them'}."
    return f"{pictures} {IN_THE_PAST[kind]}{to_category}.{honour}"


@router.get("/decisions")
def decisions_page(
    request: Request, site: SiteOf, number: Annotated[PageNumber, Query(alias="page")] = 1, batch: str = ""
) -> Response:
    """Return the page of all decisions, the newest first."""
    known = site.decisions()
    decisions = table_of(known)[::-1]
    shown = page_of(number, DECISIONS_A_PAGE, len(decisions))
    rows = records(decisions.iloc[shown.rows])
    return page(request, "decisions.html.j2", decisions=rows, shown=shown, batch=batch_of(known, batch))


@router.post("/decisions")
def decide_on(request: Request, site: SiteOf, form: FormOf) -> Response:
    """Keep a decision on each picture that a form names, and lead back to the page that it stood on."""
    kind = _kind(form)
    links = site.links(versions.named(site.store, value(form, "version") or "newest"))
    items = named_items(links, form.get("item", []))
    to_category = value(form, "to_category") if kind is DecisionKind.MOVE else ""
    known_categories = set(links.counts()["category"])
    if to_category and to_category not in known_categories:
        raise Refused(400, f"There is no category {to_category[:100]!r}; nothing was decided.")
    now, why = datetime.now(UTC), value(form, "why").strip()[:MAX_WHY]
    made = decide(
        site.store,
        [
            Decision(
                kind=kind,
                url=Url(item.url),
                digest=item.digest,
                category=item.category,
                to_category=to_category,
                decided_at=now,
                decided_by=site.access.person(request),
                why=why,
                review=item.review,
            )
            for item in items
        ],
        known=site.decisions(),
    )
    return back(form, **_batch_query(made))


@router.post("/undo")
def undo(request: Request, site: SiteOf, form: FormOf) -> Response:
    """Take decisions back, and lead back to the page that the form stood on."""
    ids = form.get("id", [])[:MAX_BATCH_IDS]
    decisions = site.decisions()
    known = {decision.id: decision for decision in decisions}
    missing = [id_ for id_ in ids if id_ not in known]
    if missing or not ids:
        raise Refused(404, "There is no such decision that could be taken back; nothing was changed.")
    now, why = datetime.now(UTC), value(form, "why").strip()[:MAX_WHY]
    made = decide(
        site.store,
        [
            Decision(
                kind=DecisionKind.UNDO,
                url=known[id_].url,
                digest=known[id_].digest,
                category=known[id_].category,
                decided_at=now,
                decided_by=site.access.person(request),
                why=why,
                undoes=id_,
            )
            for id_ in ids
        ],
        known=decisions,
    )
    return back(form, **_batch_query(made))


def _kind(form: Form) -> DecisionKind:
    try:
        return DecisionKind(value(form, "kind"))
    except ValueError:
        raise Refused(400, f"There is no decision {value(form, 'kind')[:40]!r}; nothing was decided.") from None


def _batch_query(made: Sequence[Decision]) -> dict[str, str]:
    """What names some decisions in the address of the page that says what was just decided."""
    return {"batch": f"{made[0].id}-{len(made)}"} if made else {}
