"""Pages from templates. Text from links, lists and files is escaped wherever a template puts it."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import urlencode, urlsplit

import jinja2
import pandas as pd
from fastapi import Request
from fastapi.responses import HTMLResponse

from regraft.dataset.decision import DecisionKind
from regraft.flows.web.forms import MAX_WHY
from regraft.flows.web.site import site_of
from regraft.identity import DIGEST, short_digest
from regraft.reporting.rendering import printable, shortened
from regraft.targets.wording import percent
from regraft.verdicts import Reason, Verdict
from regraft.web.urls import MAX_URL_LENGTH

SECURITY_POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
"""What a page may load and send to: this server alone, and no style or script that stands in the page itself."""
MAX_DIGESTS = 6
"""Pictures that a verdict refers to that are shown."""


def page(request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
    """Return a page made from a template, for the browser that asked for it."""
    site = site_of(request)
    shared = {
        "store": site.store.url,
        "csrf": site.access.csrf(request),
        "has_login": site.access.token is not None,
        "path": request.url.path,
        "here": request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        "query": dict(request.query_params),
    }
    return HTMLResponse(_environment().get_template(template).render(shared | context), status)


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table's rows for a template, each by its columns' names; what is null is None."""
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("regraft.flows.web"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "count": lambda number: f"{number:,}",
        "minute": minute,
        "href": href,
        "digests_in": digests_in,
        "in_words": lambda word: str(word).replace("_", " "),
        "percent": percent,
        "printable": printable,
        "short_digest": short_digest,
        "shortened": shortened,
        "time": time_in_text,
        "with_query": with_query,
    }
    environment.globals |= {"Verdict": Verdict, "Reason": Reason, "DecisionKind": DecisionKind}
    environment.globals |= {"MAX_URL_LENGTH": MAX_URL_LENGTH, "MAX_WHY": MAX_WHY}
    return environment


def minute(time: datetime | None) -> str:
    """Return a time to the minute, in UTC; nothing where there is none."""
    return "" if time is None else f"{time:%Y-%m-%d %H:%M}"


def time_in_text(time: datetime | None) -> str:
    """Return a time for a sentence, with its zone; nothing where there is none."""
    return f"{minute(time)} UTC" if minute(time) else ""


def digests_in(text: str | None) -> list[str]:
    """Return the first MAX_DIGESTS pictures that a text names with a space between; none where it is another text."""
    words = (text or "").split(" ")
    return words[:MAX_DIGESTS] if all(DIGEST.fullmatch(word) for word in words) else []


def href(url: str) -> str:
    """Return a URL that may be linked to: http or https. Empty for any other, such as javascript:."""
    try:
        return url if urlsplit(url).scheme.lower() in ("http", "https") and printable(url) == url else ""
    except ValueError:
        return ""


def with_query(query: Mapping[str, Any], **changed: Any) -> str:
    """Return a query string, with its ?, with some values changed; those that are None or empty are left out."""
    merged = {name: str(value) for name, value in {**query, **changed}.items() if value not in (None, "")}
    return "?" + urlencode(merged) if merged else ""
