"""Who may see the curator's pages, and who may decide: this machine's own browser, or whoever knows the token.

A page of another site must not reach them through the curator's browser, neither by a name that it points here
(https://en.wikipedia.org/wiki/DNS_rebinding) nor by a form that it sends here
(https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html).
"""

import hmac
import secrets
import socket
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlsplit

from starlette.requests import Request

from regraft.flows.this_machine import user_name
from regraft.identity import is_address
from regraft.process import THIS_MACHINE

COOKIE = "regraft_session"
LOGIN = "/login"
OPEN_PATHS = (LOGIN, "/static/")
"""What is answered before anybody has logged in: a path, or the beginning of one."""
MAX_SESSIONS = 100
"""Browsers that may be logged in at a time; the one that logged in first is logged out."""
SAFE_METHODS = ("GET", "HEAD")
SAME_SITE = ("same-origin", "none")
"""What browsers say of a request (Sec-Fetch-Site) that no other site has made."""


class Refused(Exception):
    """A request that must not be answered, in a sentence for people, and the HTTP status for it."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Access:
    """Who may use the pages. Without a token it is this machine's own browser."""

    token: str | None = field(default=None, repr=False)
    """What a browser has to know to log in; None where nobody logs in."""
    host: str = "127.0.0.1"
    """The address or name that the pages are served at."""
    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    _sessions: "OrderedDict[str, str]" = field(default_factory=OrderedDict, repr=False)
    """The name of who has logged in, by session."""

    def check(self, request: Request) -> None:
        """Raise Refused where a request does not come from a page of this server's, or not from this machine."""
        host = _name(request.headers.get("host", ""))
        if not self._is_own_name(host):
            raise Refused(
                403, f"This page was opened by the name {host!r}, which is not this machine's; open it by its own name."
            )
        client = request.client.host if request.client else ""
        if self.token is None and client not in THIS_MACHINE:
            raise Refused(
                403, "This page is for the browser on the machine that serves it; `--token` lets other machines in."
            )
        if request.method not in SAFE_METHODS:
            self._check_origin(request)

    def is_logged_in(self, request: Request) -> bool:
        """Return whether a request may see pages: nobody need log in, or this browser has."""
        return self.token is None or request.cookies.get(COOKIE) in self._sessions

    def log_in(self, token: str, name: str) -> str | None:
        """Return a new session for whoever knows the token, None for anybody else. `name`: who that is, or ""."""
        if self.token is None or not hmac.compare_digest(token.encode(), self.token.encode()):
            return None
        session = secrets.token_urlsafe(32)
        self._sessions[session] = name
        while len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return session

    def log_out(self, request: Request) -> None:
        """End a browser's session."""
        self._sessions.pop(request.cookies.get(COOKIE, ""), None)

    def person(self, request: Request) -> str:
        """Return the name of who uses a browser: as that person has logged in, or of who runs the server."""
        return self._sessions.get(request.cookies.get(COOKIE, "")) or user_name()

    def csrf(self, request: Request) -> str:
        """Return what a form of this browser's pages holds, and no other site can know."""
        session = request.cookies.get(COOKIE, "") if self.token is not None else ""
        return hmac.new(self._secret, session.encode(), "sha256").hexdigest()

    def check_csrf(self, request: Request, csrf: str) -> None:
        """Raise Refused where a form was not made for this browser by this server."""
        if not hmac.compare_digest(csrf.encode(), self.csrf(request).encode()):
            raise Refused(
                403, "This form is not of a page that this server has sent: load the page again. Nothing was changed."
            )

    def _is_own_name(self, host: str) -> bool:
        """Whether a Host names this machine. With a token an IP address does too: rebinding takes a name."""
        if host in THIS_MACHINE or host == self.host.lower():
            return True
        return self.token is not None and (is_address(host) or host in self._names)

    @cached_property
    def _names(self) -> tuple[str, ...]:
        """What a network calls this machine, in lower case; a name server may take its time to say so."""
        return socket.gethostname().lower(), socket.getfqdn().lower()

    def _check_origin(self, request: Request) -> None:
        """Raise Refused where another site has sent a form. What sends neither header is no browser."""
        origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site", "none")
        if site not in SAME_SITE or (origin is not None and urlsplit(origin).netloc != request.headers.get("host")):
            raise Refused(403, "This form was sent by a page of another site. Nothing was changed.")


def _name(host: str) -> str:
    """The name in a Host header, without the port, in lower case."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
