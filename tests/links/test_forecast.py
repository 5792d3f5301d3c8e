"""How many links will still show a picture: held against futures that the forecast has not seen."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from regraft.links.forecast import MAX_COUNTS, MIN_INTERVALS, counted, forecast
from regraft.store.run_record import LinkCount, Survival

START = datetime(2026, 1, 1, 3, tzinfo=UTC)


def nights(
    rng: np.random.Generator, days: int, variance: float, links: int = 400, down: float = 0.01
) -> list[LinkCount]:
    """The counts of so many nights on which links go down, and come back at a third of that rate.

    `variance`: of the factor by which one night's rate differs from another's.
    """
    alive, counts = links, []
    for day in range(days + 1):
        came_back = 0
        if day:
            factor = rng.gamma(1 / variance, variance) if variance else 1.0
            went_down = rng.binomial(alive, -np.expm1(-down * factor))
            came_back = int(rng.binomial(links - alive, down / 3))
            alive = int(alive - went_down + came_back)
        at = START + timedelta(days=day)
        counts.append(LinkCount(at=at, ever_alive=links, alive=alive, revived=came_back))
    return counts


@pytest.mark.parametrize("variance", [0.0, 0.5, 1.0])
def test_nine_of_ten_futures_lie_in_the_band(variance: float) -> None:
    rng, inside = np.random.default_rng(5), []
    for seed in range(150):
        counts = nights(rng, 60, variance)
        expected = forecast(counts[:31], needed=20, seed=seed, days=30)
        assert expected is not None
        truth = [count.alive for count in counts[31:]]
        inside.append(((truth >= expected.low) & (truth <= expected.high)).mean())
    assert 0.85 <= np.mean(inside) <= 0.96


def test_a_category_that_runs_out_is_endangered_and_one_that_lasts_is_not() -> None:
    rng = np.random.default_rng(1)
    dying = forecast(nights(rng, 20, 0.0, links=120, down=0.03), needed=40, seed=0)
    lasting = forecast(nights(rng, 20, 0.0, links=120, down=0.001), needed=40, seed=0)
    assert dying is not None
    assert lasting is not None
    assert dying.is_endangered
    assert not lasting.is_endangered
    assert lasting.days_left is None
    assert dying.median[-1] < dying.median[0]


def test_links_that_never_change_are_expected_to_stay() -> None:
    still = [LinkCount(at=START + timedelta(days=d), ever_alive=90, alive=80, revived=0) for d in range(30)]
    expected = forecast(still, needed=20, seed=0)
    assert expected is not None
    assert expected.median[-1] >= 78


def test_there_is_no_forecast_from_a_few_versions() -> None:
    counts = nights(np.random.default_rng(0), MIN_INTERVALS, 0.0)
    assert forecast(counts, needed=20, seed=0) is not None
    assert forecast(counts[1:], needed=20, seed=0) is None
    assert forecast([], needed=20, seed=0) is None


def test_a_category_without_a_link_that_ever_lived_has_a_forecast_of_none() -> None:
    empty = [LinkCount(at=START + timedelta(days=d), ever_alive=0, alive=0, revived=0) for d in range(9)]
    expected = forecast(empty, needed=0, seed=0)
    assert expected is not None
    assert expected.high.max() == 0


def test_links_that_a_list_gains_are_no_links_that_came_back_or_died() -> None:
    growing = [LinkCount(at=START + timedelta(days=d), ever_alive=90 + d, alive=90 + d, revived=0) for d in range(20)]
    expected = forecast(growing, needed=20, seed=0)
    assert expected is not None
    assert expected.median[-1] >= 105


def test_counts_go_from_version_to_version_and_the_oldest_are_dropped() -> None:
    survival: dict[str, Survival] = {}
    for day in range(MAX_COUNTS + 5):
        now = {"cat": Survival(ever_alive=10, alive=9, share=0.9), "tiger": Survival(ever_alive=0, alive=0, share=None)}
        revived = pd.DataFrame({"category": ["cat"] * (day % 2)})
        survival = counted(now, survival, revived, START + timedelta(days=day))
    counts = survival["cat"].counts
    assert len(counts) == MAX_COUNTS
    assert counts[-1].at == START + timedelta(days=MAX_COUNTS + 4)
    assert {count.revived for count in counts} == {0, 1}
    assert {count.revived for count in survival["tiger"].counts} == {0}
