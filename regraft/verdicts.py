"""What became of a link: the verdicts, and the reasons for them."""

from typing import Literal

Verdict = Literal["alive", "dead", "junk"]


REASONS: dict[str, Verdict] = {
    "gone": "dead",
    "forbidden": "dead",
    "server_error": "dead",
    "rate_limited": "dead",
    "unreachable": "dead",
    "tls": "dead",
    "timeout": "dead",
    "too_many_redirects": "dead",
    "blocked": "dead",
    "bad_url": "dead",
    "too_large": "junk",
    "not_an_image": "junk",
    "truncated": "junk",
    "too_many_pixels": "junk",
    "too_small": "junk",
    "animated": "junk",
    "placeholder": "junk",
    "replaced": "junk",
    "duplicate": "junk",
    "near_duplicate": "junk",
    "opted_out": "junk",
    "misfiled": "junk",
}
"""Every reason, and the verdict that it belongs to: dead serves nothing, junk serves nothing to learn from."""


LASTING = ("not_an_image", "truncated", "animated")
"""Junk that stays junk whatever the settings are: a 304 says that it is the same still."""


def verdict_of(reason: str) -> Verdict:
    """Return the verdict that a reason belongs to; no reason is alive."""
    return REASONS[reason] if reason else "alive"
