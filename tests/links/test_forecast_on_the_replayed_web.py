"""The forecast's band, held against nights of the replayed web that it has not seen."""

import os

import numpy as np
import pytest

from regraft.links.forecast import forecast
from tests.links.replayed_nights import counts, nights

pytestmark = pytest.mark.web
SEEDS = range(100, 120)
"""Of the webs; forecast.DAILY_DRIFT was chosen on those from 0 to 99."""
KNOWN, AHEAD = 30, 30
"""Nights that a forecast learns from, and nights that it is held against."""


def test_nine_of_ten_nights_to_come_lie_in_the_band() -> None:
    inside = []
    for seed in SEEDS:
        for of_category in counts(nights(os.environ["REGRAFT_WEB"], seed, KNOWN + AHEAD + 1)).values():
            expected = forecast(of_category[: KNOWN + 1], needed=20, seed=seed, days=AHEAD)
            assert expected is not None
            came = np.array([count.alive for count in of_category[KNOWN + 1 :]])
            inside.append(((came >= expected.low) & (came <= expected.high)).mean())
    assert len(inside) == 2 * len(SEEDS)
    assert 0.85 <= np.mean(inside) <= 0.95, np.mean(inside)
