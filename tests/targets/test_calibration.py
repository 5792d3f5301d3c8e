"""Which category's mean a length is nearest to, and how wide intervals are."""

import numpy as np
import pandas as pd
import pytest

from regraft.targets.calibration import MIN_OWN_IMAGES, half_widths, left_out_of, nearest


@pytest.mark.parametrize("means", [[5.0], [100.0, 40.0], [3.0, 1.0, 2.0, 2.0, -7.5], list(np.arange(50) % 17.0)])
def test_the_nearest_mean_is_the_first_of_the_nearest(means: list[float]) -> None:
    lengths = np.random.default_rng(0).normal(10, 40, 500)
    naive = np.abs(lengths[:, None] - np.array(means)).argmin(axis=1)
    assert nearest(lengths, np.array(means)).tolist() == naive.tolist()


@pytest.mark.parametrize("count", [24, 60, 2 * MIN_OWN_IMAGES])
def test_intervals_hold_nine_of_ten_in_wide_and_narrow_categories(count: int) -> None:
    random = np.random.default_rng(0)
    category, is_held = np.repeat([0, 1], count), np.zeros(2)
    spreads = np.array([30.0, 5.0])
    rounds = 100
    for _ in range(rounds):
        errors = np.abs(random.normal(0, spreads[category]))
        widths = half_widths(errors, category, 2)
        is_held += (np.abs(random.normal(0, spreads, (200, 2))) <= widths).mean(axis=0) / rounds
    np.testing.assert_allclose(is_held, 0.9, atol=0.025)


def test_a_category_that_is_never_predicted_has_the_interval_of_all() -> None:
    widths = half_widths(np.arange(40.0), np.zeros(40, np.int64), 3)
    assert np.isfinite(widths).all()
    assert widths[1] == widths[2]
    assert np.isinf(half_widths(np.arange(3.0), np.zeros(3, np.int64), 1)).all()


def test_errors_are_those_of_images_that_are_left_out_where_that_is_known() -> None:
    rows = pd.DataFrame({"split": ["train", "validation", "test"], "prediction": [1.0, 2.0, 3.0]})
    assert left_out_of(rows, "prediction")["prediction"].tolist() == [2.0]
    assert left_out_of(rows.assign(left_out=np.nan), "prediction")["prediction"].tolist() == [2.0]
    known = rows.assign(left_out=[1.5, 2.5, np.nan])
    assert left_out_of(known, "prediction")["prediction"].tolist() == [1.5, 2.5]
