"""What one request comes to: always a value, whatever the server does; and what an HTTP status means."""

import re
import time
from dataclasses import dataclass

from regraft.identity import Url
from regraft.verdicts import Reason
from regraft.web.heads import date_in
from regraft.web.memento import Memento
from regraft.web.urls import BadUrl, Blocked, redirected

REDIRECT_STATUSES = (301, 302, 303, 307, 308)
SECONDS = re.compile(r"[0-9]+(\.[0-9]*)?")


@dataclass(frozen=True, slots=True)
class Body:
    """A whole body."""

    data: bytes
    """The bytes, any content encoding undone."""
    etag: str
    """The validator ETag; "" for none."""
    last_modified: str
    """The validator Last-Modified; "" for none."""
    robots: str
    """X-Robots-Tag in lower case; "" for none."""
    status: int = 200
    """The HTTP status, 200 to 299."""
    memento: Memento | None = None
    """What an archive says of the memento that the body is; None where it is none."""
    memento_url: str = ""
    """The memento that the body stands around, as some archives show one; "" for none."""


@dataclass(frozen=True, slots=True)
class NotModified:
    """Status 304: the body is still the one that the request's validators belong to."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """A redirect to another URL; its own body was not read."""

    status: int
    """The HTTP status, one of REDIRECT_STATUSES."""
    url: Url
    """Where it leads, normalised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """There is no body, and why."""

    reason: Reason
    """What the link's reason becomes."""
    detail: str
    """The same in a few words, for people."""
    status: int = 0
    """The HTTP status, or 0 where no response came."""
    bytes: int = 0
    """Where the body is too large: how large it is at least."""
    may_pass: bool = False
    """Whether another attempt could succeed."""
    retry_after_s: float | None = None
    """Seconds that the server asks us to wait before another attempt."""
    local: bool = False
    """Whether the fault is this machine's: its name server, its proxy, its network."""

    @property
    def is_silence(self) -> bool:
        """Whether no answer came at all, and one may still come."""
        return not self.status and self.may_pass


Answer = Body | NotModified | Redirect | Failed


def timed_out(detail: str = "the deadline passed") -> Failed:
    """Return the failure of a request that took too long."""
    return Failed(reason=Reason.TIMEOUT, detail=detail, may_pass=True)


def redirect_to(url: str, status: int, location: str) -> Redirect | Failed:
    """Return the redirect from `url` to a Location header's value; Failed where that must not be requested."""
    try:
        return Redirect(status, redirected(url, location))
    except Blocked as error:
        return Failed(reason=Reason.BLOCKED, detail=str(error), status=status)
    except BadUrl as error:
        detail = f"redirects to no web address: {error}"[:200]
        return Failed(reason=Reason.BLOCKED, detail=detail, status=status)


def refusal(status: int, retry_after: str = "") -> Failed:
    """Return what a status without a body that is wanted means; `retry_after` is the header, "" for none."""
    detail = f"HTTP {status}"
    match status:
        case 401 | 402 | 403 | 407 | 451:
            return Failed(reason=Reason.FORBIDDEN, detail=detail, status=status)
        case 408:
            return Failed(reason=Reason.TIMEOUT, detail=detail, status=status, may_pass=True)
        case 429:
            reason = Reason.RATE_LIMITED
        case 502 | 504:  # a gateway speaks for a server that it cannot reach
            reason = Reason.UNREACHABLE
        case _ if status >= 500 or status < 100:  # no status at all counts as 5xx: RFC 9110, section 15
            reason = Reason.SERVER_ERROR
        case _ if status >= 400:
            return Failed(reason=Reason.GONE, detail=detail, status=status)
        case _:
            return Failed(reason=Reason.NOT_AN_IMAGE, detail=f"{detail} without a picture", status=status)
    return Failed(reason=reason, detail=detail, status=status, may_pass=True, retry_after_s=_seconds(retry_after))


def _seconds(retry_after: str) -> float | None:
    """Retry-After in seconds; the header holds seconds or a date."""
    if SECONDS.fullmatch(retry_after):
        return float(retry_after[:9])
    moment = date_in(retry_after)
    return None if moment is None else max(0.0, moment.timestamp() - time.time())
