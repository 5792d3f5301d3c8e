"""Lists with wrong labels teach the right categories, and probabilities that are as sure as they may be."""

import numpy as np
import pytest

from regraft.config import HeadSettings
from regraft.heads.cross_validation import fit_softmax
from regraft.heads.training_data import TrainingData
from regraft.store.feature_rows import ArrayRows

WIDTH, COUNT, CATEGORIES = 60, 600, 3


def pictures(seed: int, apart: float) -> tuple[np.ndarray, np.ndarray]:
    """Features of pictures, and their true categories."""
    random = np.random.default_rng(seed)
    centres = apart * np.random.default_rng(9).normal(0, 1, (CATEGORIES, WIDTH))
    category = random.integers(0, CATEGORIES, COUNT)
    return (random.normal(0, 1, (COUNT, WIDTH)) + centres[category]).astype(np.float32), category


def scores(wrong: float, apart: float) -> tuple[float, float]:
    """The Brier score on pictures that were not learnt from, and how far sureness is from accuracy."""
    features, category = pictures(0, apart)
    random = np.random.default_rng(1)
    is_wrong = random.random(COUNT) < wrong
    shown = np.where(is_wrong, (category + random.integers(1, CATEGORIES, COUNT)) % CATEGORIES, category)
    data = TrainingData(ArrayRows(features), shown, np.arange(COUNT), np.arange(500), np.arange(500, COUNT))
    regression = fit_softmax(data, HeadSettings()).softmax
    unseen, own = pictures(2, apart)
    probabilities = regression.probabilities(unseen)
    brier = ((probabilities - np.eye(CATEGORIES)[own]) ** 2).sum(axis=1).mean()
    accuracy = (probabilities.argmax(axis=1) == own).mean()
    return float(brier), float(abs(probabilities.max(axis=1).mean() - accuracy))


@pytest.mark.parametrize(("wrong", "most"), [(0.0, 0.02), (0.1, 0.03), (0.2, 0.05), (0.3, 0.08)])
def test_wrong_labels_do_not_make_right_answers_unsure(wrong: float, most: float) -> None:
    brier, off = scores(wrong, apart=0.8)
    assert brier < most
    assert off < 0.15


def test_categories_that_are_alike_are_not_taken_for_wrong_labels() -> None:
    _, off = scores(0.0, apart=0.12)
    assert off < 0.1, "where pictures cannot tell, probabilities say so"


def test_a_few_images_with_wrong_labels_are_learnt_without_being_too_sure() -> None:
    brier = [brier_of_few(seed) for seed in range(8)]
    print(f"Brier {np.mean(brier):.3f}")
    assert np.mean(brier) < 0.1, "0.124 where the likeliest factor and share of wrong labels are taken for true"


def brier_of_few(seed: int) -> float:
    """The Brier score of what 30 images teach, six of them in a wrong list, on others."""
    features, category = pictures(seed, 0.8)
    shown = category[:30].copy()
    shown[:6] = (shown[:6] + 1) % CATEGORIES
    learnt = TrainingData(ArrayRows(features[:30]), shown, np.arange(30), np.arange(24), np.arange(24, 30))
    probabilities = fit_softmax(learnt, HeadSettings()).softmax.probabilities(features[30:])
    return float(((probabilities - np.eye(CATEGORIES)[category[30:]]) ** 2).sum(axis=1).mean())
