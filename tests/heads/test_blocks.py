"""Learning in blocks comes to what learning at once comes to, and never reads more than a block."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import softmax

import regraft.heads.within_category
from regraft.config import HeadSettings
from regraft.heads import softmax_in_blocks, unlike
from regraft.heads.cross_validation import choice_of, fit_softmax
from regraft.heads.moments import ScaledRows, evenly, products, scale_of
from regraft.heads.smoothers import STRENGTHS, KernelSmoother, LinearRegression, RidgeSmoother
from regraft.heads.softmax_in_blocks import fit_softmax_in_blocks
from regraft.heads.training_data import TrainingData
from regraft.heads.within_category import within_category
from regraft.store import feature_rows
from regraft.store.feature_rows import ArrayRows, FeatureRows

WIDTH, COUNT, BLOCK = 20, 400, 64


@dataclass(frozen=True)
class WatchedRows(FeatureRows):
    """Features that remember how many rows were read at a time."""

    features: FeatureRows
    counts: list[int] = field(default_factory=list)

    @property
    def shape(self) -> tuple[int, int]:
        return self.features.shape

    def read(self, rows: np.ndarray) -> np.ndarray:
        self.counts.append(len(rows))
        return self.features.read(rows)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_rows, "BLOCK_BYTES", 4 * WIDTH * BLOCK)


def world(seed: int = 0, categories: int = 3, apart: float = 1.0) -> tuple[WatchedRows, np.ndarray]:
    """Features of various means and spreads, and the categories that they tell apart."""
    random = np.random.default_rng(seed)
    category = random.integers(0, categories, COUNT)
    centres = apart * random.normal(0, 1, (categories, WIDTH))
    mixing = random.normal(0, 1, (WIDTH, WIDTH))
    features = 7 + (random.normal(0, 1, (COUNT, WIDTH)) + centres[category]) @ mixing * random.uniform(0.1, 9, WIDTH)
    return WatchedRows(ArrayRows(features.astype(np.float32))), category


TRAIN, VALIDATION = np.arange(0, 280), np.arange(280, 400)


def data_of(x: FeatureRows, category: np.ndarray) -> TrainingData:
    return TrainingData(x, category, np.arange(len(category)), TRAIN, VALIDATION)


def test_scale_and_products_are_those_of_all_rows() -> None:
    features, _ = world()
    all_rows = features.read(TRAIN).astype(np.float64)
    features.counts.clear()
    scale = scale_of(features, TRAIN)
    np.testing.assert_allclose(scale.mean, all_rows.mean(axis=0), rtol=1e-6)
    deviation = all_rows.std(axis=0)
    np.testing.assert_allclose(scale.squared_divisor, deviation * deviation.mean(), rtol=1e-5)
    np.testing.assert_allclose(features.mean(TRAIN), all_rows.mean(axis=0), rtol=1e-6)
    x = (all_rows - all_rows.mean(axis=0)) / np.sqrt(deviation * deviation.mean())
    np.testing.assert_allclose(products(ScaledRows(features, scale), TRAIN), x.T @ x, atol=0.01)
    assert max(features.counts) <= BLOCK


def test_features_far_from_zero_keep_their_variance() -> None:
    values = np.random.default_rng(0).normal(1000, 0.5, (COUNT, WIDTH)).astype(np.float32)
    divisor = scale_of(ArrayRows(values), np.arange(COUNT)).squared_divisor
    deviation = values.astype(np.float64).std(axis=0)
    np.testing.assert_allclose(divisor, deviation * deviation.mean(), rtol=1e-3)


def test_features_that_vary_more_count_for_more_and_together_they_vary_by_one() -> None:
    spreads = np.array([0.1, 1.0, 10.0])
    values = (spreads * np.random.default_rng(0).normal(0, 1, (COUNT, 3))).astype(np.float32)
    variance = scale_of(ArrayRows(values), np.arange(COUNT)).apply(values).var(axis=0)
    assert 3 < variance[1] / variance[0] < 30
    assert 3 < variance[2] / variance[1] < 30
    assert variance.mean() == pytest.approx(1, rel=0.05)


def test_constant_features_are_not_scaled_up() -> None:
    scale = scale_of(ArrayRows(np.ones((COUNT, WIDTH), np.float32)), np.arange(COUNT))
    assert np.isfinite(scale.apply(np.ones((1, WIDTH), np.float32))).all()


@pytest.mark.parametrize("count", [1, 7, 280, 400])
def test_evenly_spread_rows_are_in_order_and_no_more_than_wanted(count: int) -> None:
    rows = evenly(TRAIN, count)
    assert len(rows) == min(count, len(TRAIN))
    assert (np.diff(rows) > 0).all()


def test_the_ridge_in_features_is_the_ridge_in_images() -> None:
    features, _ = world(1)
    x = ScaledRows(features, scale_of(features, TRAIN))
    at_once = x.read(np.arange(COUNT))
    values = 20 * at_once[TRAIN, 3:4] + np.random.default_rng(1).normal(0, 5, (len(TRAIN), len(STRENGTHS)))
    features.counts.clear()
    in_features = RidgeSmoother(x, TRAIN, TRAIN // 2)
    left_out = in_features.left_out(values)
    assert max(features.counts) <= BLOCK
    in_images = KernelSmoother(at_once[TRAIN], None, TRAIN // 2)
    np.testing.assert_allclose(left_out, in_images.left_out(values), atol=1e-3)
    for strength in (0, len(STRENGTHS) // 2):
        first, second = (each.regression(values[:, strength], strength) for each in (in_features, in_images))
        assert isinstance(first, LinearRegression)
        assert isinstance(second, LinearRegression)
        np.testing.assert_allclose(first.weights, second.weights, atol=1e-3)
        assert first.offset == pytest.approx(second.offset, abs=1e-3)


def test_many_wide_images_are_regressed_on_a_part_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regraft.heads.within_category, "MAX_EQUATIONS", 15)
    monkeypatch.setattr(regraft.heads.within_category, "MAX_REFERENCE_NUMBERS", 0)
    features, _ = world(2)
    x = ScaledRows(features, scale_of(features, TRAIN))
    label = 9 * x.read(TRAIN)[:, 0].astype(np.float64)
    features.counts.clear()
    within = within_category(x, TRAIN, label, TRAIN)
    assert features.counts == [15]
    assert within is not None
    assert isinstance(within.regression, LinearRegression)
    assert np.isfinite(within.left_out).sum() == 15


def test_the_distance_from_training_is_measured_a_block_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unlike, "MAX_REFERENCES", 30)
    monkeypatch.setattr(unlike, "MIN_REFERENCES", 1)
    features, _ = world(0)
    features.counts.clear()
    distance, _ = unlike.distance_from(features, TRAIN, VALIDATION)
    assert distance.references.shape == (30, WIDTH)
    assert max(features.counts) <= BLOCK


@pytest.mark.parametrize("categories", [2, 3, 9])
@pytest.mark.parametrize("decay", [0.1, 0.01, 0.001])
def test_few_steps_reach_the_lowest_loss(categories: int, decay: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lowest loss is what SciPy finds on all features at once, in as many steps as it wants."""
    monkeypatch.setattr(softmax_in_blocks, "MAX_PATIENCE", 200)
    features, category = world(3, categories)
    x = ScaledRows(features, scale_of(features, TRAIN))
    at_once = x.read(TRAIN).astype(np.float64)
    shape = (WIDTH + 1, categories)

    def loss_and_slopes(flat: np.ndarray) -> tuple[float, np.ndarray]:
        kernel, bias = flat.reshape(shape)[:-1], flat.reshape(shape)[-1]
        probabilities = softmax(at_once @ kernel + bias, axis=1)
        loss = -np.log(probabilities[np.arange(len(TRAIN)), category[TRAIN]]).mean() + decay * (kernel**2).sum()
        error = (probabilities - np.eye(categories)[category[TRAIN]]) / len(TRAIN)
        return loss, np.vstack([at_once.T @ error + 2 * decay * kernel, error.sum(axis=0)]).reshape(-1)

    lowest = float(minimize(loss_and_slopes, np.zeros(shape).reshape(-1), jac=True, options={"maxiter": 500}).fun)
    features.counts.clear()
    settings = HeadSettings(weight_decay=decay, patience=200)
    history = fit_softmax_in_blocks(data_of(x, category), settings).history
    assert lowest - 1e-6 < history["loss"][-1] < lowest + 1e-3 * (1 + lowest)
    assert len(history["loss"]) == len(history["val_loss"]) < 40
    assert max(features.counts) <= BLOCK


@pytest.mark.parametrize("seed", range(3))
def test_the_step_with_the_lowest_validation_loss_counts(seed: int) -> None:
    features, category = world(seed, apart=0.3)
    x = ScaledRows(features, scale_of(features, TRAIN))
    in_blocks = fit_softmax_in_blocks(data_of(x, category), HeadSettings(weight_decay=1e-4, patience=4))
    own = in_blocks.probabilities(x.read(VALIDATION))[np.arange(120), category[VALIDATION]]
    assert -np.log(own).mean() == pytest.approx(min(in_blocks.history["val_loss"]), abs=1e-6)


def test_few_steps_in_blocks_come_to_what_many_in_memory_come_to() -> None:
    features, category = world(6, 2)
    x = ScaledRows(features, scale_of(features, TRAIN))
    at_once = fit_softmax(data_of(x, category), HeadSettings()).softmax
    decay = choice_of(data_of(x, category), HeadSettings()).weight_decay
    in_blocks = fit_softmax_in_blocks(data_of(x, category), HeadSettings(weight_decay=decay))
    likeliest = [each.probabilities(x.read(VALIDATION)).argmax(axis=1) for each in (in_blocks, at_once)]
    assert (likeliest[0] == likeliest[1]).mean() > 0.97


def test_wide_features_are_regressed_without_their_products(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(softmax_in_blocks, "MAX_PATIENCE", 200)
    features, category = world(4)
    x = ScaledRows(features, scale_of(features, TRAIN))
    with_products = fit_softmax_in_blocks(data_of(x, category), HeadSettings(patience=200))
    monkeypatch.setattr(softmax_in_blocks, "MAX_WIDTH", WIDTH - 1)
    without = fit_softmax_in_blocks(data_of(x, category), HeadSettings(patience=200))
    assert without.history["loss"][-1] == pytest.approx(with_products.history["loss"][-1], abs=1e-3)


def test_learning_in_blocks_reads_rows_in_the_order_in_which_they_are_stored() -> None:
    class StoredBackwards(WatchedRows):
        def reading_order(self, rows: np.ndarray) -> np.ndarray:
            return np.arange(len(rows))[::-1]

        def blocks(self, rows: np.ndarray | None = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
            firsts.append(-1 if rows is None else int(rows[0]))
            return super().blocks(rows)

    firsts: list[int] = []
    x, category = world()
    backwards = StoredBackwards(x.features)
    learnt = fit_softmax_in_blocks(data_of(backwards, category), HeadSettings())
    assert set(firsts[-4:]) == {TRAIN[-1], VALIDATION[-1]}
    forwards = fit_softmax_in_blocks(data_of(x, category), HeadSettings())
    np.testing.assert_allclose(learnt.kernel, forwards.kernel, atol=1e-3)
