"""When a link is asked again: dead ones ever more rarely."""

from datetime import datetime, timedelta

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
"""How long a dead link is left alone: this share of the time that it has been dead, up to a bound."""


NOT_WORTH_WAITING = timedelta(hours=12)
"""A shorter wait than this is none: a nightly run asks whatever died since yesterday."""


def is_due(reason: str, checked_at: datetime, dead_since: datetime | None, now: datetime) -> bool:
    """Tell whether a link is asked for again: always, unless it is dead and was asked not long ago for that.

    The longer a link has been dead, the more rarely it is asked, and `gone` more rarely than `timeout`.
    """
    if dead_since is None or reason not in RECHECK:
        return True
    share, most = RECHECK[reason]
    wait = min((checked_at - dead_since) * share, most)
    return wait < NOT_WORTH_WAITING or now >= checked_at + wait
