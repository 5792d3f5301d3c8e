"""How good a model is said to be, and whether the gate can be trusted."""

import numpy as np
import pandas as pd
import pytest

from regraft.config import GateSettings, Normal
from regraft.dataset import labels
from regraft.judging import gate as gates
from regraft.judging import metrics as evaluation
from regraft.targets import bootstrap
from regraft.targets import oracle as best
from regraft.targets.lengths import Lengths

TIGER, CAT = Normal(mean=100, std=30, min=20), Normal(mean=40, std=8, min=10)
DISTRIBUTIONS = {"tiger": TIGER, "cat": CAT}
GATE = GateSettings(samples=400)


def rows(seed: int, n: int = 60, knows: float = 0.0) -> pd.DataFrame:
    """Predictions of n tigers and n cats by a head that knows the category, and this share of the labels' noise."""
    random = np.random.default_rng(seed)
    table = pd.DataFrame({"category": ["tiger"] * n + ["cat"] * n, "digest": [f"{seed}-{i}" for i in range(2 * n)]})
    table["label"] = [
        labels.label_of(DISTRIBUTIONS[c], seed, c, d) for c, d in zip(table["category"], table["digest"], strict=True)
    ]
    mean = best.answers(table, DISTRIBUTIONS)
    table["prediction"] = mean + knows * (table["label"] - mean) + random.normal(0, 3, 2 * n)
    return table


def test_a_planted_leak_rings_the_alarm() -> None:
    assert all(best.leak(rows(seed, knows=0.15), DISTRIBUTIONS, seed) <= best.LEAK for seed in range(20))


def test_clean_data_ring_it_in_at_most_one_run_of_twenty() -> None:
    rung = [best.leak(rows(seed), DISTRIBUTIONS, seed) <= best.LEAK for seed in range(300)]
    print(f"false alarms: {np.mean(rung):.1%} of {len(rung)}")
    assert np.mean(rung) <= 0.05


def test_intervals_hold_what_they_promise() -> None:
    """Of many samples of one world, nineteen of twenty intervals hold the true RMSE, or nearly so many."""
    truth = float(np.sqrt(np.mean([evaluation.metrics(rows(seed, 400))["rmse"] ** 2 for seed in range(200, 230)])))
    held = [low <= truth <= high for low, high in (bootstrap.intervals(rows(s), GATE, s)["rmse"] for s in range(200))]
    assert 0.88 <= np.mean(held) <= 0.99


def test_intervals_of_the_area_hold_the_area() -> None:
    table = rows(1)
    table["prediction"] += np.random.default_rng(1).normal(0, 60, len(table))
    low, high = bootstrap.intervals(table, GATE, 1)["auc"]
    area = evaluation.auc(table)
    assert area is not None
    assert low < area < high


def test_what_cannot_be_said_is_left_out() -> None:
    told = bootstrap.intervals(rows(1).iloc[:60].assign(label=7.0), GATE, 1)
    assert set(told) == {"rmse", "mae", "bias"}
    assert evaluation.metrics(rows(1).iloc[:60].assign(label=7.0))["r2"] is None


def models(seed: int, n: int, worse: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, and two equally trained models' predictions; the first one's error is larger by a share."""
    random = np.random.default_rng(seed)
    label = random.normal(0, 24, n)
    shared = random.normal(0, 4, n)
    ours, theirs = (shared + random.normal(0, 2, n) for _ in range(2))
    off = ours - label
    return label, label + off * (1 + worse), theirs


@pytest.mark.parametrize("n", [60, 120, 400])
def test_equal_models_are_promoted_falsely_at_most_one_time_in_twenty(n: int) -> None:
    promoted = [gates.gate("v", *models(seed, n, 0), Lengths(), GATE, seed).promoted for seed in range(400)]
    print(f"n={n}: {np.mean(promoted):.1%} promoted falsely")
    assert np.mean(promoted) <= 0.05


@pytest.mark.parametrize("n", [30, 60, 120, 400])
def test_a_regression_of_a_twentieth_is_caught_or_the_holdout_is_called_too_small(n: int) -> None:
    verdicts = [gates.gate("v", *models(seed, n, 0.05), Lengths(), GATE, seed) for seed in range(200)]
    told = ["worse" in gate.why or "too small" in gate.why for gate in verdicts]
    print(
        f"n={n}: {np.mean(['worse' in gate.why for gate in verdicts]):.0%} caught, {np.mean(told):.0%} caught or told"
    )
    assert np.mean(told) >= 0.8
    assert not any(gate.promoted for gate in verdicts)


def test_rivals_are_compared_on_the_same_images() -> None:
    table = rows(2)
    label, ours = table["label"].to_numpy(), table["prediction"].to_numpy()
    told = evaluation.against(
        label, ours, {"mean": np.full(len(label), label.mean()), "self": ours}, Lengths(), GATE, 0
    )
    assert told["mean"]["high"] < 0
    assert told["self"]["difference"] == told["self"]["low"] == told["self"]["high"] == 0
