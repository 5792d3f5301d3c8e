"""/login: who knows the token of the server gets a cookie. Only where the server was started with a token."""

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from regraft.flows.web.access import COOKIE, LOGIN, Refused
from regraft.flows.web.forms import FormOf, value
from regraft.flows.web.rendering import page
from regraft.flows.web.site import SiteOf

router = APIRouter()
MAX_NAME = 100
"""Characters of a person's name."""


@router.get(LOGIN)
def login_page(request: Request, site: SiteOf) -> Response:
    """Return the page that asks for the token."""
    if site.access.is_logged_in(request):
        return RedirectResponse("/", 303)
    return page(request, "login.html.j2")


@router.post(LOGIN)
def log_in(request: Request, site: SiteOf, form: FormOf) -> Response:
    """Let a browser in, or raise Refused."""
    session = site.access.log_in(value(form, "token"), value(form, "name").strip()[:MAX_NAME])
    if session is None:
        raise Refused(403, "That is not the token that this server was started with.")
    response = RedirectResponse("/", 303)
    is_https = request.url.scheme == "https"
    response.set_cookie(COOKIE, session, httponly=True, samesite="strict", secure=is_https)
    return response


@router.post("/logout")
def log_out(request: Request, site: SiteOf, form: FormOf) -> Response:
    """End a browser's session."""
    site.access.log_out(request)
    response = RedirectResponse(LOGIN, 303)
    response.delete_cookie(COOKIE)
    return response
