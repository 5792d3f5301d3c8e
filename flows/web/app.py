"""The curator's application: which page answers what, who may ask, and what is said where something goes wrong."""

import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib import resources
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from regraft.errors import DamagedVersionError, LinkError, PictureError, RegraftError, StoreError, VersionError
from regraft.flows.web import (
    decision_pages,
    link_pages,
    login,
    overview,
    picture_pages,
    removal_pages,
    reports,
    review_page,
    thumbnail_pages,
)
from regraft.flows.web.access import LOGIN, OPEN_PATHS, Access, Refused
from regraft.flows.web.forms import without_empty
from regraft.flows.web.rendering import SECURITY_POLICY, page
from regraft.flows.web.site import Site
from regraft.flows.web.thumbnails import Thumbnails
from regraft.store import versions
from regraft.store.store import Store
from regraft.upkeep.purge import AskPrefect

ROUTERS = (
    overview,
    link_pages,
    picture_pages,
    review_page,
    decision_pages,
    removal_pages,
    login,
    thumbnail_pages,
    reports,
)
"""The pages. The reports come last: their paths begin with the name of a version."""
STATIC = "/static"
HEADERS = {
    "Content-Security-Policy": SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""What every answer says, unless its page says otherwise."""
STATUSES: dict[type[RegraftError], int] = {
    DamagedVersionError: 500,
    VersionError: 404,
    PictureError: 404,
    LinkError: 404,
    StoreError: 503,
}
"""The HTTP status for an error, by the first of its kinds that is here."""


def curator(
    store: Store, access: Access | None = None, ask_prefect: AskPrefect | None = None, *, prepares: bool = False
) -> FastAPI:
    """Return the application that serves a store's pages; `ask_prefect`, see `upkeep.purge`, is for removals.

    If it `prepares`, its processes for thumbnails start with the server, and what the first page shows is worked out
    meanwhile; else each does when it is first wanted.
    """
    site = Site(store, access or Access(), Thumbnails(store), ask_prefect)

    @asynccontextmanager
    async def closing(app: FastAPI) -> AsyncIterator[None]:
        preparing = threading.Thread(target=site.prepare, name="prepare")
        if prepares:
            site.thumbnails.start()
            preparing.start()
        yield
        if prepares:
            preparing.join()
        site.close()

    app = FastAPI(title="Regraft", openapi_url=None, lifespan=closing)  # without the pages that load scripts elsewhere
    app.state.site = site
    app.middleware("http")(_guarded)
    app.add_middleware(HeadAsGet)
    app.add_exception_handler(RegraftError, _say_error)
    app.add_exception_handler(Refused, _say_refused)
    app.add_exception_handler(RequestValidationError, _say_wrong_value)
    app.add_exception_handler(HTTPException, _say_status)
    app.add_exception_handler(Exception, _say_fault)
    app.mount(STATIC, StaticFiles(directory=Path(str(resources.files("regraft.flows.web") / "static"))))
    for module in ROUTERS:
        app.include_router(module.router)
    return app


class HeadAsGet:
    """Answers HEAD as GET: what serves the application leaves out the body, https://www.rfc-editor.org/rfc/rfc9110#HEAD."""

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        is_head = scope["type"] == "http" and scope["method"] == "HEAD"
        await self._app({**scope, "method": "GET"} if is_head else scope, receive, send)


async def _guarded(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
    """Answer a request that may be answered, and say what browsers may do with the answer."""
    access: Access = request.app.state.site.access
    request.scope["query_string"] = without_empty(request.scope["query_string"])
    try:
        access.check(request)
        if access.is_logged_in(request) or request.url.path.startswith(OPEN_PATHS):
            response = await answer(request)
        elif request.method == "GET":
            response = RedirectResponse(LOGIN, 303)
        else:
            raise Refused(401, "Log in first; nothing was changed.")
    except Refused as refused:
        response = _say_refused(request, refused)
    if request.url.path.startswith(STATIC):
        response.headers["Cache-Control"] = "no-cache"  # kept, and asked for by its ETag
    for name, text in HEADERS.items():
        response.headers.setdefault(name, text)
    return response


def _say_refused(request: Request, error: Exception) -> Response:
    status = error.status if isinstance(error, Refused) else 500
    return _error_page(request, status, str(error))


def _say_error(request: Request, error: Exception) -> Response:
    store = request.app.state.site.store
    if isinstance(error, VersionError) and not versions.is_store(store):
        error = StoreError(f"There is no store at {store.address} any more.")
    status = next((status for kind, status in STATUSES.items() if isinstance(error, kind)), 500)
    return _error_page(request, status, str(error))


def _say_wrong_value(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # as it is registered
    problem = error.errors()[0]
    place, name = problem["loc"][0], problem["loc"][-1]
    if place == "path":
        return _error_page(request, 404, f"There is no page {request.url.path}.")
    if problem["type"] == "missing":
        return _error_page(request, 400, f"This page is about something that its address has to name: {name}.")
    return _error_page(request, 400, f"The {name} {str(problem['input'])[:100]!r} cannot be shown: {problem['msg']}.")


def _say_status(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # as it is registered
    sentences = {
        HTTPStatus.NOT_FOUND: f"There is no page {request.url.path}.",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.url.path} does not answer {request.method}; nothing was changed.",
    }
    sentence = sentences.get(HTTPStatus(error.status_code), HTTPStatus(error.status_code).phrase)
    response = _error_page(request, error.status_code, sentence)
    response.headers.update(error.headers or {})
    return response


def _say_fault(request: Request, error: Exception) -> Response:
    """Say that this program is wrong, outside of what `_guarded` adds; the server's log has the traceback."""
    sentence = f"Regraft has a fault here ({type(error).__name__}); the terminal of `regraft serve` says more of it."
    response = _error_page(request, 500, sentence)
    response.headers.update(HEADERS)
    return response


def _error_page(request: Request, status: int, sentence: str) -> Response:
    return page(request, "error.html.j2", status, sentence=sentence, phrase=HTTPStatus(status).phrase)
