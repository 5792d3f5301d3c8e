"""What the fetching processes get and what they give back: small values, cheap to import and to send.

They have no slots: frozen dataclasses with slots are pickled in Python, field by field, all others in C.
"""

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal

from regraft.identity import Digest, Url
from regraft.verdicts import Reason

NO_DIGEST = Digest("")
"""The digest of a link that shows no picture."""
Outcome = Literal["fetched", "not_modified", "checked_before", "skipped"]
"""What came of a link in a run: fetched (or tried in vain), the same as before (304), checked already by the run that
was cut off and that this one goes on with, or not requested."""


@dataclass(frozen=True, kw_only=True)
class Trail:
    """How far a request has come, where a redirect leads to a host that another process asks."""

    at: str
    """The URL that redirects have led to."""
    lane: int | None
    """The lane that goes on with it; None where lanes do not matter, as one machine fetches all."""
    redirects: int
    """How many were followed in this attempt."""
    attempts: int
    """How many attempts were begun."""
    attempt_s: float
    """Seconds that this attempt's requests took."""
    elapsed_s: float
    """Seconds that all attempts' requests took."""


@dataclass(frozen=True)
class Trouble:
    """What one process knows of a host that is not well, for whoever asks it next."""

    host: str
    """Its name and port."""
    pause_s: float = 0.0
    """Seconds for which it has asked to be left alone."""
    failures: int = 0
    """Attempts in a row that it gave no answer to."""
    silent_s: float = 0.0
    """Seconds since the first of them."""


@dataclass(frozen=True)
class Request:
    """One link to fetch, and what is known of it."""

    url: Url
    """As its list has it."""
    etag: str = ""
    """The ETag that its server sent last; empty where there was none."""
    last_modified: str = ""
    """The Last-Modified that its server sent last; empty where there was none."""
    digest: Digest = NO_DIGEST
    """The picture that the two belong to."""
    reason: Reason = Reason.ALIVE
    """What its last check came to."""
    bytes: int = 0
    """The size of its body then."""
    timegate: str = ""
    """Where a web archive is asked for what it kept of the link; empty where the link itself is requested."""
    near: str = ""
    """The time that the archive is to come near to, as the field Accept-Datetime has it."""
    trail: Trail | None = None
    """How far another process has come with it; None where it begins."""
    troubles: tuple[Trouble, ...] = ()
    """What others know of hosts that are asked where it goes on."""

    @property
    def first_url(self) -> str:
        """The URL that is requested first."""
        return self.trail.at if self.trail else self.timegate + self.url

    @property
    def has_hung(self) -> bool:
        """Whether its last check ended with no answer in time."""
        return self.reason is Reason.TIMEOUT


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What came of fetching one link."""

    url: Url
    """As its list has it."""
    reason: Reason = Reason.ALIVE
    """Why there is no picture to learn from."""
    http_status: int = 0
    """The last answer's status; 0 where there was no answer."""
    final_url: str = ""
    """Where redirects led."""
    digest: Digest = NO_DIGEST
    """The picture's bytes, which are in the store."""
    bytes: int = 0
    """The size of the body; of one that is too large, how large it is at least."""
    width: int = 0
    """The picture's, in pixels."""
    height: int = 0
    """The picture's, in pixels."""
    phash: str = ""
    """The picture's perceptual hash, 64 bits as 16 hex digits."""
    etag: str = ""
    """The ETag that the server sent."""
    last_modified: str = ""
    """The Last-Modified that the server sent."""
    attempts: int = 0
    """How often it was tried; 0 where no request was sent."""
    elapsed_s: float = 0.0
    """Seconds that all requests took together."""
    outcome: Outcome = "fetched"
    """What came of it in this run."""
    local: bool = False
    """Whether the failure points at this machine, not at the link."""
    detail: str = ""
    """What went wrong, for people."""
    memento_at: datetime | None = None
    """When a web archive took the picture, whose memento is `final_url`; None where no archive was asked."""
    onward: Request | None = None
    """The request that goes on with the link, where a redirect leads to a host that another process asks."""
    is_elsewhere: bool = False
    """Whether that process is another lane's, so that another machine may be asking the host now."""
    trouble: Trouble | None = None
    """What the process then knew of the host that it asked last; None where that is well, and on one machine."""


def skipped(request: Request, why: str) -> Finding:
    """Return the finding of a request that was not sent: what is known of its link stays known."""
    return Finding(url=request.url, reason=Reason.NOT_REQUESTED, outcome="skipped", detail=why)


def names_in(columns: Collection[str]) -> list[str]:
    """Return those of a table's columns that a finding has as they are."""
    return [field.name for field in fields(Finding) if field.name in columns]
