"""Whether the gate can be trusted: what it promotes falsely, and what it does not see."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from regraft.judging.gate import Gate, gate
from regraft.targets.lengths import Lengths
from tests.targets.worlds import GATE, TARGET, category_predictions

LENGTHS = Lengths()


def decision(label: NDArray[np.float64], ours: NDArray[np.float64], theirs: NDArray[np.float64], seed: int) -> Gate:
    rows = pd.DataFrame({"label": label})
    errors, their_errors = (LENGTHS.errors(rows, lengths).squared for lengths in (ours, theirs))
    return gate("v", errors, their_errors, LENGTHS.wording, GATE, seed)


def decision_on_categories(ours: pd.DataFrame, theirs: pd.DataFrame, seed: int) -> Gate:
    errors, their_errors = (TARGET.errors_of(predictions).squared for predictions in (ours, theirs))
    return gate("v", errors, their_errors, TARGET.wording, GATE, seed)


def models(seed: int, n: int, worse: float) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Labels, and two equally trained models' predictions; the first one's error is larger by a share."""
    random = np.random.default_rng(seed)
    label = random.normal(0, 24, n)
    shared = random.normal(0, 4, n)
    ours, theirs = (shared + random.normal(0, 2, n) for _ in range(2))
    off = ours - label
    return label, label + off * (1 + worse), theirs


@pytest.mark.parametrize("n", [60, 120, 400])
def test_equal_models_are_promoted_falsely_at_most_one_time_in_twenty(n: int) -> None:
    promoted = [decision(*models(seed, n, 0), seed).promoted for seed in range(100)]
    print(f"n={n}: {np.mean(promoted):.1%} promoted falsely")
    assert np.mean(promoted) <= 0.05


@pytest.mark.parametrize("n", [30, 60, 120, 400])
def test_a_regression_of_a_twentieth_is_caught_or_the_holdout_is_called_too_small(n: int) -> None:
    decisions = [decision(*models(seed, n, 0.05), seed) for seed in range(100)]
    caught = ["worse" in decided.why for decided in decisions]
    noticed = ["worse" in decided.why or "too small" in decided.why for decided in decisions]
    print(f"n={n}: {np.mean(caught):.0%} caught, {np.mean(noticed):.0%} caught or told")
    assert np.mean(noticed) >= 0.8
    assert not any(decided.promoted for decided in decisions)


def test_a_better_classifier_is_told_from_a_worse_one() -> None:
    better, worse = (category_predictions(1, sure=sure) for sure in (3.0, 2.0))
    promoted = decision_on_categories(better, worse, 0)
    assert promoted.promoted
    assert "RMSE of the probabilities" in promoted.why
    assert "worse than champion" in decision_on_categories(worse, better, 0).why
    assert "just what" in decision_on_categories(worse, worse, 0).why


def test_equal_classifiers_are_promoted_falsely_at_most_one_time_in_twenty() -> None:
    promoted = []
    for seed in range(100):
        ours, theirs = category_predictions(seed), category_predictions(seed + 1000)
        promoted.append(decision_on_categories(ours, theirs, seed).promoted)
    print(f"{np.mean(promoted):.1%} promoted falsely")
    assert np.mean(promoted) <= 0.05


def test_a_classifier_that_is_a_trifle_surer_of_every_picture_changes_nothing() -> None:
    theirs = np.random.default_rng(0).uniform(0.01, 0.02, 60)
    ours = theirs - 0.0003
    for errors, their_errors in ((ours, theirs), (theirs, ours)):
        decided = gate("v", errors**2, their_errors**2, TARGET.wording, GATE, 0)
        assert not decided.promoted
        assert "Not measurably better" in decided.why
    assert gate("v", (theirs - 0.005) ** 2, theirs**2, TARGET.wording, GATE, 0).promoted


def test_the_comparison_says_what_was_measured() -> None:
    label, ours, theirs = models(1, 400, 0.2)
    decided = decision(label, ours, theirs, 1)
    assert decided.comparison is not None
    assert decided.comparison.n == 400
    assert decided.comparison.rmse == pytest.approx(np.sqrt(np.mean((theirs - label) ** 2)))
    whole = np.sqrt(np.mean((ours - label) ** 2))
    assert decided.comparison.rmse + decided.comparison.difference == pytest.approx(whole)
    assert decided.comparison.low < decided.comparison.difference < decided.comparison.high
    assert decided.comparison.detectable is not None
    assert 0 < decided.comparison.detectable < 0.05
