"""How long links go on showing their photos: their lives over all versions, and the Kaplan-Meier curves of these.

A life begins when a link is first seen to show a photo, and anew when it comes back. It ends with the version in which
the link shows the photo no more. A life that goes on, and one whose link has left the lists, says only that it has
lasted so long: such observations are censored, https://doi.org/10.1080/01621459.1958.10501452.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from regraft.links.forecast import DAY_S
from regraft.links.rot import shows_photo
from regraft.web.urls import host_of

# T distinct days on which lives ended, or were last seen to go on
ALIVE_SINCE = "alive_since"
"""The column of links.parquet that says since when a link has shown its photo without a break; null where it does not.
"""
LIVES = ["category", "host", "days", "end", "links"]
"""The columns of lives.parquet: so many links of a host and category lived so many days, and what ended that."""
CONFIDENCE = 0.90
"""Of a curve's interval."""
HOST_GROUPS = 200
"""Groups of hosts whose links are taken to die together; more hosts than that are put together at random."""


class End(StrEnum):
    """How a life ended, as far as is known."""

    DIED = "died"
    """The link shows the photo no more."""
    LEFT = "left"
    """The link is in no list any more."""
    GOES_ON = "goes_on"
    """The link still shows the photo."""


def with_alive_since(links: pd.DataFrame, before: pd.DataFrame | None) -> pd.DataFrame:
    """Return links (url, category, reason, first_seen, checked_at) with the column ALIVE_SINCE.

    `before` has the links of the version before; None where there is none. Versions that were published without the
    column do not know of earlier breaks: what showed a photo there did so since it was first seen.
    """
    if before is None:
        start = links["first_seen"]
    else:
        earlier = links[["url", "category"]].merge(_alive(before), on=["url", "category"], how="left")
        start = earlier[ALIVE_SINCE].set_axis(links.index).fillna(links["checked_at"])
    return links.assign(**{ALIVE_SINCE: start.where(shows_photo(links)).astype("datetime64[us, UTC]")})


def _alive(links: pd.DataFrame) -> pd.DataFrame:
    """The links of a version that show a photo: url, category, checked_at and ALIVE_SINCE."""
    alive = links[shows_photo(links)]
    alive = alive if ALIVE_SINCE in alive else alive.assign(**{ALIVE_SINCE: alive["first_seen"]})
    return alive[["url", "category", "checked_at", ALIVE_SINCE]]


def lives(links: pd.DataFrame, before: pd.DataFrame | None, earlier: pd.DataFrame | None) -> pd.DataFrame:
    """Return the lives of all links until now, columns LIVES.

    `links` are the links of a version, with ALIVE_SINCE; `before` and `earlier` the links and lives of the one before.
    """
    parts = [_counted(_alive(links), End.GOES_ON, "checked_at")]
    if earlier is not None:
        parts.append(earlier[LIVES][earlier["end"] != End.GOES_ON])
    if before is not None:
        now = links[["url", "category"]].assign(shows=shows_photo(links), ended_at=links["checked_at"])
        was_alive = _alive(before).merge(now, on=["url", "category"], how="left")
        has_left = was_alive["shows"].isna()
        parts.append(_counted(was_alive[has_left], End.LEFT, "checked_at"))
        parts.append(_counted(was_alive[~has_left & ~was_alive["shows"].eq(True)], End.DIED, "ended_at"))
    every = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    return _summed(every)


def lives_over(versions: Iterable[pd.DataFrame]) -> pd.DataFrame | None:
    """Return the lives that the links of some versions, the oldest first, tell of; None where there is no version."""
    before: pd.DataFrame | None = None
    until_now: pd.DataFrame | None = None
    for links in versions:
        now = with_alive_since(links, before)
        before, until_now = now, lives(now, before, until_now)
    return until_now


def _counted(links: pd.DataFrame, end: End, last: str) -> pd.DataFrame:
    """Lives of links by category, host and whole days until the time in the column `last`."""
    lasted_s = (links[last] - links[ALIVE_SINCE]).dt.total_seconds().clip(lower=0)
    days = (lasted_s / DAY_S).round().astype("int64")
    rows = pd.DataFrame({"category": links["category"], "host": links["url"].map(host_of), "days": days})
    return _summed(rows.assign(end=end.value, links=1))


def _summed(lives: pd.DataFrame) -> pd.DataFrame:
    """Lives with one row for those that are alike."""
    keys = [lives[name] for name in LIVES[:-1]]
    return lives["links"].groupby(keys).sum().reset_index()


@dataclass(frozen=True, kw_only=True)
class SurvivalCurve:
    """The share of links that still show their photos after so many days, by Kaplan and Meier."""

    days: NDArray[np.int64]
    """(T,) days on which lives ended or were last seen to go on, ascending."""
    share: NDArray[np.float64]
    """(T,) the share that has outlived the day, 0 to 1."""
    low: NDArray[np.float64]
    """(T,) the lower end of its interval."""
    high: NDArray[np.float64]
    """(T,) the upper end of its interval."""
    links: int
    """Lives that it rests on."""
    died: int
    """Those of them that ended."""


def survival_curve(lives: pd.DataFrame) -> SurvivalCurve:
    """Return the survival curve of lives, columns LIVES.

    The interval holds the share with CONFIDENCE. Its variance is Greenwood's on the scale of log(-log), or that between
    hosts where it is larger, because a host dies with all of its links: https://doi.org/10.1007/BF00985768. Where none
    or all have died there is no variance, and the interval is Clopper's and Pearson's: https://doi.org/10.2307/2331986.
    """
    day, position = np.unique(lives["days"].to_numpy(np.int64), return_inverse=True)
    links, has_died = lives["links"].to_numpy(np.float64), (lives["end"] == End.DIED).to_numpy()
    group = pd.factorize(lives["host"])[0] % HOST_GROUPS
    shape = (int(group.max(initial=-1)) + 1, len(day))
    died, ended = np.zeros(shape), np.zeros(shape)
    np.add.at(died, (group, position), links * has_died)
    np.add.at(ended, (group, position), links)
    at_risk = ended[:, ::-1].cumsum(axis=1)[:, ::-1]
    share, variance = _product_limit(died, at_risk)
    low, high = _interval(share, variance, at_risk.sum(axis=0))
    return SurvivalCurve(days=day, share=share, low=low, high=high, links=int(links.sum()), died=int(died.sum()))


def _product_limit(
    died: NDArray[np.float64], at_risk: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The share that outlives each day, and the variance of its logarithm, (T,), from counts of (groups, T)."""
    all_died, all_at_risk = died.sum(axis=0), at_risk.sum(axis=0)
    hazard = all_died / all_at_risk
    share = np.cumprod(1 - hazard)
    left = np.maximum(all_at_risk - all_died, 1e-9)
    greenwood = np.cumsum(all_died / (all_at_risk * left))
    groups = len(died)
    if groups < 2:
        return share, greenwood
    influence = np.cumsum((died - at_risk * hazard) / all_at_risk, axis=1)
    between = (influence**2).sum(axis=0) * groups / (groups - 1)
    return share, np.maximum(greenwood, between)


def _interval(
    share: NDArray[np.float64], variance: NDArray[np.float64], at_risk: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The ends of the interval around each share, (T,), of so many links on that day."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.where(share < 1, 0, tail ** (1 / at_risk)), np.where(share > 0, 1, 1 - tail ** (1 / at_risk))
    is_between = (share > 0) & (share < 1)
    log = np.log(share[is_between])
    width = ndtri(0.5 + CONFIDENCE / 2) * np.sqrt(variance[is_between]) / np.abs(log)
    low[is_between], high[is_between] = np.exp(log * np.exp(width)), np.exp(log * np.exp(-width))
    return low, np.where(share > 0, high, np.minimum.accumulate(high))  # the last link may be the only one of that day


def survival_curves(lives: pd.DataFrame, by: str, most: int) -> dict[str, SurvivalCurve]:
    """Return the curves of the `most` categories or hosts with the most lives, those with the most first.

    `lives` has the columns LIVES, and `by` is "category" or "host".
    """
    order = lives.groupby(by)["links"].sum().sort_values(ascending=False, kind="stable").index[:most]
    return {str(name): survival_curve(lives[lives[by] == name]) for name in order}
