"""What a browser sends to change something: a form of bounded size that this server has made."""

from typing import Annotated
from urllib.parse import parse_qs, urlencode, urlsplit

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse

from regraft.flows.web.access import Refused
from regraft.flows.web.site import site_of

MAX_BYTES = 4 << 20
"""Of a form: a thousand pictures with long URLs."""
MAX_FIELDS = 5_000
MAX_WHY = 500
"""Characters of a person's own words."""
Form = dict[str, list[str]]
"""The values of each field."""


async def form_of(request: Request) -> Form:
    """Return the form that a request brings. Raises Refused where it is too large, or not a form of this server's."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BYTES:
            raise Refused(413, f"The form has more than {MAX_BYTES:,} bytes; nothing was changed.")
    try:
        form = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise Refused(400, f"The form cannot be read ({error}); nothing was changed.") from error
    site_of(request).access.check_csrf(request, value(form, "csrf"))
    return form


FormOf = Annotated[Form, Depends(form_of)]
"""A form that this server has made, as an argument of what changes something."""


def value(form: Form, name: str) -> str:
    """Return the one value of a form's field; empty where it has none."""
    return form.get(name, [""])[0]


def without_empty(query: bytes) -> bytes:
    """Return a query string without what is empty: a browser sends all fields of a form, also the empty ones."""
    return b"&".join(part for part in query.split(b"&") if part.partition(b"=")[2])


def back(form: Form, **query: str) -> RedirectResponse:
    """Return the way back to the page that a form stood on (its field `back`), with some values added to its query."""
    try:
        parts = urlsplit(value(form, "back") or "/")
    except ValueError:  # such as a half IPv6 address; no page of this server sends that
        parts = urlsplit("/")
    path = parts.path if parts.path.startswith("/") and not parts.path.startswith(("//", "/\\")) else "/"
    kept = {name: values[0] for name, values in parse_qs(parts.query).items()} | query
    return RedirectResponse(path + ("?" + urlencode(kept) if kept else ""), status_code=303)
