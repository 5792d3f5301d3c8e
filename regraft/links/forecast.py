"""How many links of a category will still show a picture, and until when they are enough.

A link that ever showed a picture is alive or not, goes down at one rate and comes back at another. Both rates are
learnt from how the numbers changed from version to version; nights differ by more than chance, because hosts die with
all of their links at once, so each night's rate varies as it did in the past. Rates also drift, so that less is known
of next month than of tomorrow. The future is drawn many times.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.store.run_record import LinkCount, Survival

# V versions, H days, P paths
PATHS = 500
"""Futures that are drawn."""
DAYS = 90
"""Days that a forecast looks ahead."""
BAND = (0.05, 0.95)
"""Quantiles between which nine of ten futures lie."""
MIN_INTERVALS = 5
"""Intervals between versions from which on there is a forecast."""
DAILY_DRIFT = 0.004
"""The standard deviation of the slope, a day, of a rate's logarithm: rates change, by about 12% in a month."""
DAY_S = 86_400
MAX_COUNTS = 90
"""Versions whose counts are kept."""
ENDANGERED_DAYS = 60
"""A category is endangered where it is expected to have too few links in less than so many days."""


@dataclass(frozen=True)
class Forecast:
    """What becomes of a category's links, day by day after the last counts."""

    low: NDArray[np.float64]
    """(H,) links that show a picture, at the band's lower end."""
    median: NDArray[np.float64]
    """(H,) the same in the middle."""
    high: NDArray[np.float64]
    """(H,) the same at the upper end."""
    days_left: int | None
    """Days until half of the futures have fewer links than are needed; None where that is not within H days."""

    @property
    def is_endangered(self) -> bool:
        """Whether the category is expected to have too few links soon."""
        return self.days_left is not None and self.days_left < ENDANGERED_DAYS


def counted(
    survival: Mapping[str, Survival], before: Mapping[str, Survival], revived: pd.DataFrame, now: datetime
) -> dict[str, Survival]:
    """Return how many links survive `now`, by category, with the counts of the version `before` and this one's.

    `revived`: the links (category) that came back since then.
    """
    came_back = revived["category"].value_counts()
    with_counts = {}
    for category, of_category in survival.items():
        count = LinkCount(
            at=now,
            ever_alive=of_category.ever_alive,
            alive=of_category.alive,
            revived=int(came_back.get(category, 0)),
        )
        earlier = before[category].counts if category in before else ()
        counts = (*earlier, count)[-MAX_COUNTS:]
        with_counts[category] = of_category.model_copy(update={"counts": counts})
    return with_counts


def forecast(counts: Sequence[LinkCount], needed: float, seed: int, days: int = DAYS) -> Forecast | None:
    """Return the forecast for a category from V counts, the oldest first; None where they are too few.

    `needed`: links without which a run stops. Lists are taken to stay as they are.
    """
    history = _intervals(counts)
    if len(history.days) < MIN_INTERVALS:
        return None
    rng = np.random.default_rng(seed)
    down = _Rate.learnt(history.down, history.alive * history.days)
    up = _Rate.learnt(history.up, history.gone * history.days)
    middle_days = float(history.days.sum()) / 2
    p_down, p_up = (rate.nights(PATHS, middle_days, days, rng) for rate in (down, up))
    paths = _paths(counts[-1], p_down, p_up, rng)
    low, median, high = np.quantile(paths, [BAND[0], 0.5, BAND[1]], axis=0)
    too_few = np.flatnonzero((np.minimum.accumulate(paths, axis=1) < needed).mean(axis=0) >= 0.5)
    return Forecast(low, median, high, int(too_few[0]) + 1 if len(too_few) else None)


@dataclass(frozen=True)
class _History:
    """What happened in each of V - 1 intervals."""

    days: NDArray[np.float64]
    alive: NDArray[np.float64]
    """Links alive at its beginning."""
    gone: NDArray[np.float64]
    """Links that were alive once and not at its beginning."""
    down: NDArray[np.float64]
    up: NDArray[np.float64]


def _intervals(counts: Sequence[LinkCount]) -> _History:
    rows = [(count.at.timestamp() / DAY_S, count.ever_alive, count.alive, count.revived) for count in counts]
    day, ever, alive, revived = np.array(rows, dtype=np.float64).reshape(-1, 4).T
    added, up = np.diff(ever), revived[1:]
    down = np.maximum(0, alive[:-1] + up + added - alive[1:])
    is_interval = np.diff(day) > 0
    columns = np.diff(day), alive[:-1], ever[:-1] - alive[:-1], down, up
    return _History(*(column[is_interval] for column in columns))


@dataclass(frozen=True)
class _Rate:
    """Events a link and day, and how much that differs between nights."""

    events: float
    exposure: float
    """Links times days."""
    variance: float
    """Of the factor by which a night's rate differs from the mean rate."""
    clumping: float
    """How many events happen together: so much less is known of the rate than as many single ones would tell."""

    @classmethod
    def learnt(cls, events: NDArray[np.float64], exposure: NDArray[np.float64]) -> "_Rate":
        """Return the rate of events in intervals of so many links times days, (V - 1,) each.

        The variance is what is left over after chance: https://doi.org/10.2307/2347628.
        """
        total = float(exposure.sum())
        expected = exposure * (events.sum() / total if total else 0.0)
        squares = float((expected**2).sum())
        excess = float(((events - expected) ** 2 - expected).sum())
        variance = max(0.0, excess / squares) if squares else 0.0
        clumping = 1 + (variance * squares / float(expected.sum()) if squares else 0.0)
        return cls(float(events.sum()), total, variance, clumping)

    def nights(self, paths: int, age_days: float, days: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return the probability of the event for each link, (P, H): each path has its rate, each night its factor.

        The rate was learnt `age_days` ago, and drifts.
        """
        if not self.exposure:
            return np.zeros((paths, days))
        rate = rng.gamma(self.events / self.clumping + 0.5, self.clumping / self.exposure, (paths, 1))
        rate = rate * np.exp(rng.normal(0, DAILY_DRIFT, (paths, 1)) * (age_days + np.arange(1, days + 1)))
        if self.variance:
            rate = rate * rng.gamma(1 / self.variance, self.variance, (paths, days))
        return -np.expm1(-rate)


def _paths(
    now: LinkCount, p_down: NDArray[np.float64], p_up: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Links alive on each day of each future, (P, H), from each link's probabilities to go down and to come back."""
    alive = np.full(len(p_down), now.alive)
    paths = np.empty(p_down.shape, dtype=np.int64)
    for day in range(p_down.shape[1]):
        gone = now.ever_alive - alive
        alive = alive - rng.binomial(alive, p_down[:, day]) + rng.binomial(gone, p_up[:, day])
        paths[:, day] = alive
    return paths
