"""How long links lived is counted over all versions, and the curves of it are those of Kaplan and Meier."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from regraft.links.lifetimes import (
    ALIVE_SINCE,
    CONFIDENCE,
    LIVES,
    End,
    lives_over,
    survival_curve,
    survival_curves,
    with_alive_since,
)

START = datetime(2026, 1, 1, 3, tzinfo=UTC)


def version(day: int, **reasons: str) -> pd.DataFrame:
    """The links of a version of a day; `a="gone"` is the link a, which has shown nothing since then."""
    rows = [{"url": f"http://{name}.example/1.jpg", "category": "cat", "reason": why} for name, why in reasons.items()]
    at = pd.Timestamp(START + timedelta(days=day))
    return pd.DataFrame(rows).assign(first_seen=pd.Timestamp(START), checked_at=at)


def ends(*versions: pd.DataFrame) -> list[tuple[str, int, str]]:
    """Each life's host, days and end."""
    lives = lives_over(versions)
    assert lives is not None
    return [(host.removesuffix(".example"), days, end) for _, host, days, end, _ in lives[LIVES].to_numpy()]


def test_a_link_that_comes_back_begins_a_new_life() -> None:
    nights = [version(0, a=""), version(2, a=""), version(3, a="gone"), version(5, a="timeout"), version(6, a="")]
    assert ends(*nights) == [("a", 0, "goes_on"), ("a", 3, "died")]
    assert ends(*nights, version(10, a="duplicate")) == [("a", 3, "died"), ("a", 4, "goes_on")]


def test_whatever_takes_a_photos_place_ends_its_life() -> None:
    before = version(0, a="", b="", c="", d="near_duplicate")
    after = version(4, a="placeholder", b="replaced", c="opted_out", d="misfiled")
    assert ends(before, after) == [("a", 4, "died"), ("b", 4, "died"), ("c", 4, "died"), ("d", 4, "goes_on")]


def test_a_link_that_never_showed_a_photo_has_no_life() -> None:
    assert ends(version(0, a="gone", b=""), version(1, a="gone", b="")) == [("b", 1, "goes_on")]


def test_a_link_that_leaves_the_lists_did_not_die() -> None:
    assert ends(version(0, a="", b=""), version(2, b="")) == [("a", 0, "left"), ("b", 2, "goes_on")]


def test_versions_without_the_column_count_from_when_a_link_was_first_seen() -> None:
    old, now = version(7, a="", b="gone"), version(8, a="", b="")
    since = with_alive_since(now, old)[ALIVE_SINCE]
    assert since.tolist() == [pd.Timestamp(START), pd.Timestamp(START + timedelta(days=8))]


def test_links_of_one_host_that_lived_as_long_are_one_row() -> None:
    urls = [f"http://a.example/{number}.jpg" for number in range(50)]
    lives = lives_over([version(day, a="").reindex([0] * 50).assign(url=urls) for day in (0, 2)])
    assert lives is not None
    assert lives["links"].tolist() == [50]


def drawn(seed: int, links: int = 300, hosts: int = 60) -> pd.DataFrame:
    """Lives of links that die at 1% a day and are watched for 100 days at most, columns LIVES."""
    rng = np.random.default_rng(seed)
    life, watched = rng.geometric(0.01, links), rng.integers(20, 100, links)
    rows = pd.DataFrame(
        {
            "category": "cat",
            "host": [f"h{i % hosts}" for i in range(links)],
            "days": np.minimum(life, watched),
            "end": np.where(life <= watched, End.DIED.value, End.GOES_ON.value),
        }
    )
    return rows.groupby(LIVES[:-1], as_index=False).size().rename(columns={"size": "links"})


def test_the_curve_is_the_one_that_scipy_draws() -> None:
    from scipy.stats import CensoredData, ecdf  # a second's work

    lives = drawn(0).assign(host="one")  # one host has no variance between hosts: Greenwood's is left
    curve = survival_curve(lives)
    has_died = (lives["end"] == End.DIED).to_numpy()
    days = [np.repeat(lives["days"][which], lives["links"][which]) for which in (has_died, ~has_died)]
    scipys = ecdf(CensoredData(uncensored=days[0], right=days[1])).sf
    low, high = scipys.confidence_interval(CONFIDENCE, method="log-log")
    assert curve.days.tolist() == scipys.quantiles.tolist()
    np.testing.assert_allclose(curve.share, scipys.probabilities)
    is_between = (curve.share > 0) & (curve.share < 1)
    np.testing.assert_allclose(curve.low[is_between], low.probabilities[is_between])
    np.testing.assert_allclose(curve.high[is_between], high.probabilities[is_between])
    assert curve.died == len(days[0])
    assert curve.links == 300


@pytest.mark.parametrize("die_together", [False, True])
def test_the_interval_holds_the_true_share_nine_times_out_of_ten(die_together: bool) -> None:
    hits = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        life = rng.geometric(0.01, 80).repeat(5) if die_together else rng.geometric(0.01, 400)
        hosts, end = [f"h{i // 5}" for i in range(400)], np.where(life <= 60, End.DIED.value, End.GOES_ON.value)
        rows = pd.DataFrame({"host": hosts, "days": np.minimum(life, 60), "end": end}).assign(category="cat", links=1)
        curve = survival_curve(rows)
        at = np.searchsorted(curve.days, 40, side="right") - 1
        hits.append(curve.low[at] <= 0.99 ** curve.days[at] <= curve.high[at])
    assert 0.85 <= np.mean(hits) <= 0.95


@pytest.mark.parametrize(("count", "daily"), [(1, 0.01), (4, 0.002), (4, 0.1), (12, 0.001), (12, 0.2)])
def test_the_interval_of_few_links_claims_no_more_than_is_known(count: int, daily: float) -> None:
    """Where none has died, or all have, too: `count` links of one host that die at a daily rate, after 20 days."""
    hits = []
    for seed in range(80):
        life = np.random.default_rng(seed).geometric(daily, count)
        end = np.where(life <= 20, End.DIED.value, End.GOES_ON.value)
        rows = pd.DataFrame({"host": "h", "days": np.minimum(life, 20), "end": end}).assign(category="cat", links=1)
        curve = survival_curve(rows)
        assert (curve.low <= curve.share).all()
        assert (curve.share <= curve.high).all()
        hits.append(curve.low[-1] <= (1 - daily) ** 20 <= curve.high[-1])
    assert np.mean(hits) >= 0.85


def test_the_hosts_with_the_most_links_have_a_curve_each() -> None:
    curves = survival_curves(drawn(1, links=301), "host", most=3)
    assert list(curves) == ["h0", "h1", "h10"]
    assert [curve.links for curve in curves.values()] == [6, 5, 5]
    assert survival_curves(drawn(1), "category", most=3)["cat"].links == 300
