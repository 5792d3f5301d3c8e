"""The area under the ROC curve: what all pairs of images say, counted by sorting."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from regraft.config import GateSettings
from regraft.targets.auc import Area, area_of_lengths, area_of_probabilities


def area_of_pair(low: np.ndarray, high: np.ndarray) -> float:
    """The share of pairs in which the positive one is larger, ties halved: every pair is looked at."""
    return float(((high[:, None] > low).astype(float) + 0.5 * (high[:, None] == low)).mean())


def lengths(seed: int, categories: int, decimals: int = 1) -> pd.DataFrame:
    """Predictions of some categories of various sizes, rounded so that many are tied."""
    random = np.random.default_rng(seed)
    category = np.concatenate([[f"c{i}"] * int(random.integers(1, 30)) for i in random.permutation(categories)])
    label = random.normal(0, 1, len(category)) + pd.Series(category).str[1:].astype(int).to_numpy() % 5
    prediction = np.round(label + random.normal(0, 2, len(category)), decimals)
    return pd.DataFrame({"category": category, "label": label, "prediction": prediction})


@pytest.mark.parametrize("categories", [2, 3, 7, 16, 40])
@pytest.mark.parametrize("decimals", [0, 6])
def test_lengths_have_the_area_that_all_pairs_of_categories_have(categories: int, decimals: int) -> None:
    rows = lengths(categories, categories, decimals)
    order = rows.groupby("category")["label"].mean().sort_values().index
    parts = [rows["prediction"][rows["category"] == name].to_numpy() for name in order]
    area = area_of_lengths(rows)
    assert area is not None
    assert area.value == pytest.approx(np.mean([area_of_pair(*pair) for pair in combinations(parts, 2)]), abs=1e-12)


@pytest.mark.parametrize("categories", [2, 3, 8, 25])
def test_probabilities_have_the_area_that_all_pairs_of_categories_have(categories: int) -> None:
    random = np.random.default_rng(categories)
    category = np.concatenate([np.arange(categories), random.integers(0, categories, 90)])
    scores = np.round(random.normal(0, 1, (len(category), categories)) + 2 * np.eye(categories)[category])
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    areas = []
    for i, j in combinations(range(categories), 2):
        share = probabilities[:, j] / (probabilities[:, i] + probabilities[:, j])
        areas.append(area_of_pair(share[category == i], share[category == j]))
    area = area_of_probabilities(category, probabilities)
    assert area is not None
    assert area.value == pytest.approx(np.mean(areas), abs=1e-12)


def test_a_category_without_images_is_in_no_pair() -> None:
    category = np.array([0, 0, 2, 2])
    probabilities = np.array([[0.8, 0.1, 0.1], [0.2, 0.3, 0.5], [0.1, 0.5, 0.4], [0.1, 0.0, 0.9]])
    area = area_of_probabilities(category, probabilities)
    assert area is not None
    assert area.value == area_of_pair(np.array([0.1 / 0.9, 0.5 / 0.7]), np.array([0.8, 0.9]))


def test_one_category_has_no_area() -> None:
    assert area_of_lengths(lengths(0, 1)) is None
    assert area_of_probabilities(np.zeros(3, dtype=int), np.ones((3, 2)) / 2) is None


@pytest.mark.parametrize("spread", [1.0, 3.0])
def test_samples_spread_as_those_of_resampled_images_do(spread: float) -> None:
    random = np.random.default_rng(1)
    low, high = random.normal(0, spread, 150), random.normal(1, spread, 90)
    rows = pd.DataFrame({"category": ["a"] * 150 + ["b"] * 90, "prediction": np.concatenate([low, high])})
    area = area_of_lengths(rows.assign(label=rows["category"] == "b"))
    assert area is not None
    samples = area.samples(GateSettings(samples=1000), 0)
    resampled = [area_of_pair(random.choice(low, 150), random.choice(high, 90)) for _ in range(1000)]
    assert samples.mean() == pytest.approx(np.mean(resampled), abs=0.005)
    assert samples.std() == pytest.approx(np.std(resampled), rel=0.1)


def test_a_sample_is_never_more_than_right() -> None:
    shares = np.array([1.0, 1.0, 0.5, 1.0, 1.0, 0.5])
    samples = Area(np.array([0, 0, 0, 1, 1, 1]), shares).samples(GateSettings(samples=200), 0)
    assert samples.max() == 1
    assert samples.min() < 5 / 6
