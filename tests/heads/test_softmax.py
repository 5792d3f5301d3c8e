"""Learning categories in memory: the lowest loss, and what cross-validation makes of images that are left out."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax

from regraft.config import HeadSettings
from regraft.heads.cross_validation import DECAYS, choice_of, fit_softmax, max_images
from regraft.heads.learners import FOLDS, FoldedImages
from regraft.heads.principal import Principal
from regraft.heads.softmax import regression
from regraft.heads.training_data import TrainingData
from regraft.store.feature_rows import ArrayRows

TRAIN, VALIDATION = np.arange(0, 90), np.arange(90, 120)


def world(width: int, apart: float, wrong: float = 0.0, seed: int = 0) -> tuple[TrainingData, np.ndarray]:
    """Images of three categories, some with the wrong one, and the true ones."""
    random = np.random.default_rng(seed)
    true = random.integers(0, 3, 1120)
    x = random.normal(0, 1, (1120, width)) + apart * np.eye(3, width)[true]
    category = np.where(random.random(1120) < wrong, random.integers(0, 3, 1120), true)
    return TrainingData(ArrayRows(x.astype(np.float32)), category, np.arange(1120), TRAIN, VALIDATION), true


@pytest.mark.parametrize("width", [8, 400], ids=["fewer features than images", "more"])
def test_the_loss_is_the_lowest(width: int) -> None:
    data, _ = world(width, 2.0)
    x, own, decay = data.x.read(np.arange(120)), data.category[:120], 0.01
    images = Principal.of(x, own, 3)
    fitted = regression(images, images.one_hot, decay, 200)
    ours = np.concatenate([(images.directions @ fitted[:-1]).reshape(-1), fitted[-1]])

    def loss(flat: np.ndarray) -> float:
        kernel, bias = flat[:-3].reshape(width, 3), flat[-3:]
        fit = -log_softmax(x @ kernel + bias, axis=1)[np.arange(120), own].mean()
        return float(fit + decay * (kernel**2).sum())

    random = np.random.default_rng(0)
    assert all(loss(ours + random.normal(0, size, len(ours))) > loss(ours) - 1e-4 for size in (1e-3, 1e-2, 0.1))
    if width < 100:
        assert loss(ours) < float(minimize(loss, np.zeros(len(ours)), method="BFGS").fun) + 1e-3


@pytest.mark.parametrize("width", [8, 400])
def test_an_image_that_is_left_out_does_not_know_its_own_category(width: int) -> None:
    """Where features say nothing, all images can be learnt by heart, and none can be guessed."""
    data, _ = world(width, 0.0)
    learnt = fit_softmax(data, HeadSettings())
    assert learnt.rows.tolist() == list(range(120))
    right = learnt.left_out.argmax(axis=1) == data.category[:120]
    assert 0.15 < right.mean() < 0.5
    assert learnt.left_out.max() < 0.9  # and that is known


def test_an_image_is_not_learnt_from_where_its_near_duplicate_is_left_out() -> None:
    """Three copies of each picture that say nothing of their category, which each of them would give away."""
    random = np.random.default_rng(0)
    picture = random.integers(0, 40, 120)
    x = random.normal(0, 1, (40, 400))[picture] + random.normal(0, 0.01, (120, 400))
    category = random.integers(0, 2, 40)[picture]
    alone = TrainingData(ArrayRows(x.astype(np.float32)), category, np.arange(120), TRAIN, VALIDATION)
    learnt, given_away = (fit_softmax(data, HeadSettings()) for data in (replace(alone, cluster=picture), alone))
    right, betrayed = ((each.left_out.argmax(axis=1) == category).mean() for each in (learnt, given_away))
    assert betrayed > 0.85
    assert right < 0.65
    assert learnt.left_out.max() < 0.9


def test_clusters_are_spread_over_all_folds_as_images_are() -> None:
    index, alone = np.arange(60) % 3, np.arange(60)
    images = Principal(np.zeros((60, 1)), np.ones((1, 1), np.float32), index, 3)
    assert all(np.unique(index[FoldedImages.of(images, alone).fold == fold]).size == 3 for fold in range(FOLDS))
    pairs = FoldedImages.of(images, alone // 6 * 3 + index).fold
    assert np.bincount(pairs).tolist() == [12] * FOLDS
    assert (pairs.reshape(10, 2, 3)[:, 0] == pairs.reshape(10, 2, 3)[:, 1]).all()
    assert all(np.unique(index[pairs == fold]).size == 3 for fold in range(FOLDS))


@pytest.mark.parametrize("clusters", [1, 2, FOLDS])
def test_images_that_all_look_like_a_few_do_no_harm(clusters: int) -> None:
    data, _ = world(8, 2.0, wrong=0.3)
    fitted = fit_softmax(replace(data, cluster=np.arange(1120) % clusters), HeadSettings()).softmax
    assert np.isfinite(fitted.probabilities(data.x.read(TRAIN))).all()


@pytest.mark.parametrize("seed", range(3))
def test_wrong_categories_are_not_learnt_by_heart(seed: int) -> None:
    data, true = world(200, 4.0, wrong=0.3, seed=seed)
    fitted = fit_softmax(data, HeadSettings()).softmax
    fresh = np.arange(120, 1120)
    right = fitted.probabilities(data.x.read(fresh)).argmax(axis=1) == true[fresh]
    images = Principal.of(data.x.read(np.arange(120)), data.category[:120], 3)
    by_heart = images.directions @ regression(images, images.one_hot, 0.0, 200)[:-1]
    right_by_heart = (data.x.read(fresh) @ by_heart).argmax(axis=1) == true[fresh]
    print(f"right {right.mean():.1%}, without decay {right_by_heart.mean():.1%}")
    assert right.mean() > right_by_heart.mean() + 0.2


def test_many_or_wide_images_are_chosen_by_a_part_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    data, _ = world(400, 2.0)
    monkeypatch.setattr("regraft.heads.cross_validation.MAX_NUMBERS", 400 * 60)
    assert len(fit_softmax(data, HeadSettings()).rows) == max_images(400) == 60
    monkeypatch.setattr("regraft.heads.cross_validation.MAX_IMAGES", 40)
    assert len(fit_softmax(data, HeadSettings()).rows) == max_images(8) == 40
    assert choice_of(data, HeadSettings()).weight_decay > 0


def test_with_many_categories_few_regressions_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is then learnt is about as good."""
    data, _ = world(8, 2.0)
    fitted: list[float] = []

    def counted(images: Principal, targets: np.ndarray, decay: float, steps: int) -> np.ndarray:
        fitted.append(decay)
        return regression(images, targets, decay, steps)

    monkeypatch.setattr("regraft.heads.learners.regression", counted)
    fresh, losses, counts = np.arange(120, 1120), [], []
    for many in (3, 2):
        monkeypatch.setattr("regraft.heads.cross_validation.MANY_CATEGORIES", many)
        fitted.clear()
        probabilities = fit_softmax(data, HeadSettings()).softmax.probabilities(data.x.read(fresh))
        losses.append(-np.log(probabilities[np.arange(1000), data.category[fresh]]).mean())
        counts.append(len(fitted))
    assert counts[0] >= len(DECAYS) * FOLDS
    assert counts[1] <= len(DECAYS) + 2 * FOLDS + 2, "one fold with each decay; all, with the best, twice at most"
    assert losses[1] < 1.05 * losses[0]


def test_images_that_are_easy_are_answered_surely() -> None:
    data, true = world(20, 12.0)
    fitted = fit_softmax(data, HeadSettings()).softmax
    fresh = np.arange(120, 1120)
    own = fitted.probabilities(data.x.read(fresh))[np.arange(1000), true[fresh]]
    assert own.mean() > 0.98
    assert own.max() < 1


def test_a_category_with_one_image_and_features_that_are_all_the_same_do_no_harm() -> None:
    data, _ = world(8, 2.0)
    category = np.minimum(data.category, 1)
    category[5] = 2
    single = replace(data, category=category)
    constant = replace(data, x=ArrayRows(np.zeros((120, 8), np.float32)))
    for each in (single, constant):
        fitted = fit_softmax(each, HeadSettings()).softmax
        assert np.isfinite(fitted.probabilities(each.x.read(TRAIN))).all()
