"""When a link is asked again: dead ones ever more rarely."""

from datetime import datetime, timedelta

RECHECK: dict[str, tuple[float, timedelta]] = {
    "gone": (1.0, timedelta(days=30)),
    "forbidden": (1.0, timedelta(days=30)),
    "too_many_redirects": (1.0, timedelta(days=30)),
    "tls": (0.5, timedelta(days=14)),
    "server_error": (0.25, timedelta(days=7)),
    "rate_limited": (0.25, timedelta(days=7)),
    "unreachable": (0.25, timedelta(days=7)),
    "timeout": (0.25, timedelta(days=7)),
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
