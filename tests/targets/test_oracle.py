"""The best that is possible, and the alarm for a head that knows more of the labels than pictures can tell."""

import numpy as np
import pandas as pd
import pytest

from regraft.dataset.labels import label_of
from regraft.targets.oracle import ALARM_PROBABILITY, excess, leak, oracle_answers, oracle_errors
from tests.targets.worlds import CAT, DISTRIBUTIONS, TIGER, length_predictions


def test_the_oracle_errs_by_the_spread_of_the_labels() -> None:
    rows = pd.DataFrame(
        {"category": "tiger", "label": [label_of(TIGER, 0, "tiger", f"{i:064x}") for i in range(20_000)]}
    )
    oracle = oracle_errors(rows, {"tiger": TIGER})
    assert oracle is not None
    assert oracle.rmse == pytest.approx(29.8, abs=0.5)
    assert oracle.mae < oracle.rmse


def test_there_is_no_oracle_where_one_category_has_no_distribution() -> None:
    assert oracle_errors(length_predictions(0), {"tiger": TIGER, "cat": None}) is None
    assert excess(20.0, None) is None


def test_the_oracle_answers_with_the_mean_of_the_category_and_has_no_excess_over_itself() -> None:
    rows = length_predictions(0)
    answers, oracle = oracle_answers(rows, DISTRIBUTIONS), oracle_errors(rows, DISTRIBUTIONS)
    assert set(np.round(answers)) == {round(CAT.mean), round(TIGER.mean)}
    assert oracle is not None
    rmse = float(np.sqrt(((answers - rows["label"]) ** 2).mean()))
    assert excess(rmse, oracle) == pytest.approx(0)
    assert excess(1.1 * rmse, oracle) == pytest.approx(0.1)


def test_a_planted_leak_rings_the_alarm() -> None:
    leaks = [leak(length_predictions(seed, knows=0.15), DISTRIBUTIONS, seed) for seed in range(20)]
    assert all(each.alarm and each.p <= ALARM_PROBABILITY for each in leaks)


def test_clean_data_ring_it_in_at_most_one_run_of_twenty_and_any_probability_is_as_likely() -> None:
    leaks = [leak(length_predictions(seed), DISTRIBUTIONS, seed) for seed in range(100)]
    rung, below = [each.alarm for each in leaks], [each.p < 0.5 for each in leaks]
    print(f"false alarms: {np.mean(rung):.1%} of {len(rung)}; {np.mean(below):.0%} below a half")
    assert np.mean(rung) <= 0.05
    assert 0.4 < np.mean(below) < 0.6
