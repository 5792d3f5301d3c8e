"""What one request comes to: always a value, whatever the server does; and what an HTTP status means."""

import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin

from regraft.identity import Url
from regraft.verdicts import Reason
from regraft.web.urls import BadUrl, Blocked, normalised

REDIRECT_STATUSES = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True)
class Body:
    """A whole body, with status 200."""

    data: bytes
    """The bytes, any content encoding undone."""
    etag: str
    """The validator ETag; "" for none."""
    last_modified: str
    """The validator Last-Modified; "" for none."""
    robots: str
    """X-Robots-Tag in lower case; "" for none."""


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
    may_pass: bool = False
    """Whether another attempt could succeed."""
    retry_after_s: float | None = None
    """Seconds that the server asks us to wait before another attempt."""
    local: bool = False
    """Whether the fault is this machine's: its name server, its proxy, its network."""


Answer = Body | NotModified | Redirect | Failed


def timed_out() -> Failed:
    """Return the failure of a request that its deadline ended."""
    return Failed(reason=Reason.TIMEOUT, detail="the deadline passed", may_pass=True)


def redirect_to(url: str, status: int, location: str) -> Redirect | Failed:
    """Return the redirect from `url` to a Location header's value; Failed where that must not be requested."""
    try:
        # A Location arrives as latin-1; servers that send raw UTF-8 in it mean UTF-8.
        target = location.encode("latin-1", "ignore").decode("utf-8", "replace")
        return Redirect(status, normalised(urljoin(url, target.strip())))
    except Blocked as error:
        return Failed(reason=Reason.BLOCKED, detail=str(error), status=status)
    except (BadUrl, ValueError) as error:
        detail = f"redirects to no web address: {error}"[:200]
        return Failed(reason=Reason.BLOCKED, detail=detail, status=status)


def refusal(status: int, retry_after: str | None) -> Failed:
    """Return what a status other than 200 means; `retry_after` is the header Retry-After, if it was sent."""
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
        case _ if status >= 500:
            reason = Reason.SERVER_ERROR
        case _ if status >= 400:
            return Failed(reason=Reason.GONE, detail=detail, status=status)
        case _:
            return Failed(reason=Reason.NOT_AN_IMAGE, detail=f"{detail} without a picture", status=status)
    return Failed(reason=reason, detail=detail, status=status, may_pass=True, retry_after_s=_seconds(retry_after))


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After in seconds; the header holds seconds or a date."""
    if not retry_after:
        return None
    if retry_after.strip().isdigit():
        return float(retry_after.strip()[:9])
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None
