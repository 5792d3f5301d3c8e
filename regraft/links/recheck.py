"""When a link is fetched again, what died or costs a download in vain ever more rarely; and what its server is told."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.config import FetchSettings, ScreenSettings
from regraft.identity import Digest, Url
from regraft.links.findings import Request
from regraft.verdicts import Reason, Verdict


@dataclass(frozen=True)
class Schedule:
    """How long a link is left alone after a check."""

    share: float
    """Of the time that its checks have come to the same."""
    longest: timedelta
    """It is left alone no longer than this."""
    shortest: timedelta = timedelta(0)
    """It is left alone no less than this."""


SHORTEST_WAIT = timedelta(hours=12)
"""A shorter wait is none: a nightly run fetches again whatever died since yesterday."""
LATE_START = timedelta(hours=1)
"""How much later or earlier than the one before a nightly run may begin and still be the next night's."""
NEVER = timedelta(days=36_500)
"""How long what was removed is left alone."""
RECHECK: dict[Reason, Schedule] = {
    Reason.GONE: Schedule(1.0, timedelta(days=30)),
    Reason.FORBIDDEN: Schedule(1.0, timedelta(days=30)),
    Reason.TOO_MANY_REDIRECTS: Schedule(1.0, timedelta(days=30)),
    Reason.TLS: Schedule(0.5, timedelta(days=14)),
    Reason.SERVER_ERROR: Schedule(0.25, timedelta(days=7)),
    Reason.RATE_LIMITED: Schedule(0.25, timedelta(days=7)),
    Reason.UNREACHABLE: Schedule(0.25, timedelta(days=7)),
    Reason.TIMEOUT: Schedule(1.0, timedelta(days=7)),
    Reason.NOT_AN_IMAGE: Schedule(1.0, timedelta(days=30), SHORTEST_WAIT),
    Reason.PLACEHOLDER: Schedule(1.0, timedelta(days=30), SHORTEST_WAIT),
    Reason.TOO_LARGE: Schedule(1.0, timedelta(days=30), SHORTEST_WAIT),
    Reason.TOO_MANY_PIXELS: Schedule(1.0, timedelta(days=30), SHORTEST_WAIT),
    Reason.TOO_SMALL: Schedule(1.0, timedelta(days=30), SHORTEST_WAIT),
    Reason.ANIMATED: Schedule(1.0, timedelta(days=30), SHORTEST_WAIT),
    Reason.TRUNCATED: Schedule(0.5, timedelta(days=14), SHORTEST_WAIT),
    Reason.OPTED_OUT: Schedule(0.5, timedelta(days=7), SHORTEST_WAIT),
    Reason.REMOVED: Schedule(0.0, NEVER, NEVER),
}
"""How long a link with a reason is left alone: dead ones, and junk that can only be downloaded to be looked at again.
Links with another reason are asked in every run: they cost no request, or a conditional one."""
EVERY_RUN = Schedule(0.0, timedelta(0))
"""The schedule of all other reasons."""
LASTING = frozenset(reason for reason in Reason if reason.is_lasting)


def are_due(
    known: pd.DataFrame,
    shows_placeholder: "pd.Series[bool]",
    fetch: FetchSettings,
    screen: ScreenSettings,
    now: datetime,
) -> "pd.Series[bool]":
    """Return which known links, columns MEMORY, are fetched again: the longer they are dead or junk, the more rarely.

    `shows_placeholder`: which of them show a known placeholder. Junk is always due where its server may answer that it
    has not changed, and where it is none by the settings of today. What a clock that was ahead has checked is due too.
    """
    due, latest = due_from(known, shows_placeholder, fetch, screen), now + LATE_START
    return due.isna() | (due <= latest) | (known["checked_at"] > latest)


def due_from(
    known: pd.DataFrame, shows_placeholder: "pd.Series[bool]", fetch: FetchSettings, screen: ScreenSettings
) -> "pd.Series[pd.Timestamp]":
    """Return from when on known links, columns MEMORY, are fetched again; NaT for those that every run fetches.

    See `are_due`, which allows for runs that begin a little earlier.
    """
    reasons = known["reason"].mask(shows_placeholder & (known["reason"] == Reason.ALIVE), Reason.PLACEHOLDER)
    is_junk = reasons.isin([reason.value for reason in Reason if reason.verdict is Verdict.JUNK])
    is_wanted = is_junk
    if is_junk.any():
        is_wanted = is_junk & (_is_conditional(known, reasons) | ~_is_unfit_today(known, fetch, screen))
    waits = _waits(known, reasons)
    return (known["checked_at"] + waits).mask(is_wanted | (waits < SHORTEST_WAIT))


def _waits(known: pd.DataFrame, reasons: "pd.Series[str]") -> "pd.Series[pd.Timedelta]":
    """How long each link is left alone; those whose reason has no schedule not at all."""
    age = (known["checked_at"] - known["unchanged_since"].fillna(known["checked_at"])).to_numpy("timedelta64[us]")
    codes, names = pd.factorize(reasons)
    schedules = [RECHECK.get(Reason(name), EVERY_RUN) for name in names]
    share = np.array([schedule.share for schedule in schedules], dtype=np.float64)[codes]
    shortest, longest = (
        np.array([getattr(schedule, name) for schedule in schedules], dtype="timedelta64[us]")[codes]
        for name in ("shortest", "longest")
    )
    waits: NDArray[np.timedelta64] = np.clip(age * share, shortest, longest)
    return pd.Series(waits, known.index)


def requests(urls: Sequence[Url], known: pd.DataFrame, kept: Collection[Digest]) -> list[Request]:
    """Return a request for each URL, with what is `known` of it, columns MEMORY.

    It is conditional where a picture that is `kept` or lasting junk is known.
    """
    is_conditional = known["digest"].isin(kept) | ((known["digest"] == "") & known["reason"].isin(LASTING))
    validators = known[["etag", "last_modified", "digest"]].where(is_conditional, "")
    columns = [known["url"], *(validators[name] for name in validators), known["reason"], known["bytes"]]
    request_of = {
        url: Request(url, etag, last_modified, digest, Reason(reason), int(size))
        for url, etag, last_modified, digest, reason, size in zip(*(c.tolist() for c in columns), strict=True)
    }
    return [request_of.get(url) or Request(url) for url in urls]


def _is_conditional(known: pd.DataFrame, reasons: "pd.Series[str]") -> "pd.Series[bool]":
    """Which links' servers may answer 304 to a request for what they showed."""
    has_validators = (known["etag"] != "") | (known["last_modified"] != "")
    return has_validators & ((known["digest"] != "") | reasons.isin(LASTING))


def _is_unfit_today(known: pd.DataFrame, fetch: FetchSettings, screen: ScreenSettings) -> "pd.Series[bool]":
    """Which links' bodies are unfit by the settings of today too, not only by those of their last check."""
    shorter_side, pixels = known[["width", "height"]].min(axis=1), known["width"] * known["height"].astype("int64")
    fits = (
        ((known["reason"] == Reason.TOO_LARGE) & known["bytes"].between(1, fetch.max_bytes))
        | ((known["reason"] == Reason.TOO_SMALL) & (shorter_side >= screen.min_side))
        | ((known["reason"] == Reason.TOO_MANY_PIXELS) & pixels.between(1, screen.max_pixels))
    )
    return ~fits
