"""What the crew is asked and what it answers: small values that cross between processes, cheap to import."""

from dataclasses import dataclass
from typing import Literal

from regraft.identity import Digest
from regraft.verdicts import Reason

NO_DIGEST = Digest("")
"""Of a link that shows no picture."""
Outcome = Literal["fetched", "not_modified", "skipped"]


@dataclass(frozen=True, slots=True)
class Job:
    """One link to ask for, with what is known of it."""

    url: str
    etag: str = ""
    last_modified: str = ""
    digest: Digest = NO_DIGEST
    """Digest of the blob that the validators belong to."""
    reason: Reason = Reason.ALIVE
    """Why what they belong to is lasting junk, where it is."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What asking for one link came to."""

    url: str
    reason: Reason = Reason.ALIVE
    """Why there is no picture."""
    http_status: int = 0
    final_url: str = ""
    digest: Digest = NO_DIGEST
    bytes: int = 0
    width: int = 0
    height: int = 0
    phash: str = ""
    etag: str = ""
    last_modified: str = ""
    attempts: int = 0
    elapsed_s: float = 0.0
    outcome: Outcome = "fetched"
    local: bool = False
    """The failure points at this machine, not at the link."""
    detail: str = ""
