"""When a link is fetched again, dead ones ever more rarely; and what its server is told, so that it may answer 304."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import pandas as pd

from regraft.identity import Digest, Url
from regraft.links.findings import Request
from regraft.verdicts import Reason

RECHECK: dict[str, tuple[float, timedelta]] = {
    Reason.GONE: (1.0, timedelta(days=30)),
    Reason.FORBIDDEN: (1.0, timedelta(days=30)),
    Reason.TOO_MANY_REDIRECTS: (1.0, timedelta(days=30)),
    Reason.TLS: (0.5, timedelta(days=14)),
    Reason.SERVER_ERROR: (0.25, timedelta(days=7)),
    Reason.RATE_LIMITED: (0.25, timedelta(days=7)),
    Reason.UNREACHABLE: (0.25, timedelta(days=7)),
    Reason.TIMEOUT: (0.25, timedelta(days=7)),
}
"""How long a dead link is left alone after a check: for this share of the time that it has been dead, and no longer
than this. Dead links with another reason cost no request, so they are always due."""
SHORTEST_WAIT = timedelta(hours=12)
"""A shorter wait is none: a nightly run fetches again whatever died since yesterday."""
LASTING = frozenset(reason for reason in Reason if reason.is_lasting)


def is_due(reason: str, checked_at: datetime, dead_since: datetime | None, now: datetime) -> bool:
    """Return whether a link is fetched again: always, unless it is dead and was checked not long ago for that.

    The longer a link has been dead, the more rarely it is fetched, and `gone` more rarely than `timeout`.
    """
    if dead_since is None or reason not in RECHECK:
        return True
    share, longest = RECHECK[reason]
    wait = min((checked_at - dead_since) * share, longest)
    return wait < SHORTEST_WAIT or now >= checked_at + wait


def requests(urls: Sequence[Url], known: pd.DataFrame, kept: Collection[Digest]) -> list[Request]:
    """Return a request for each URL, conditional where a picture that is `kept` or lasting junk is known.

    `known` has the columns MEMORY.
    """
    known = known[known["digest"].isin(kept) | ((known["digest"] == "") & known["reason"].isin(LASTING))]
    columns = (known[name] for name in ("url", "etag", "last_modified", "digest", "reason"))
    conditional = {
        url: Request(url, etag, last_modified, digest, _if_lasting(reason))
        for url, etag, last_modified, digest, reason in zip(*columns, strict=True)
    }
    return [conditional.get(url, Request(url)) for url in urls]


def _if_lasting(reason: str) -> Reason:
    """A reason that stays as long as the server answers 304; of others the settings may have changed."""
    return Reason(reason) if reason in LASTING else Reason.ALIVE
