"""Real lengths within a category: leaving an image out is learning without it, and wrong labels hardly count."""

import keras
import numpy as np
import pytest

from regraft.heads.smoothers import (
    STRENGTHS,
    KernelSmoother,
    Regression,
    RidgeSmoother,
    Smoother,
    near_duplicates,
)
from regraft.heads.within_category import robust_means, within_category
from regraft.store.feature_rows import ArrayRows

pytestmark = pytest.mark.tensorflow

COUNT, WIDTH = 160, 8
STRENGTH = 4
ROWS = np.arange(COUNT)


def answers(regression: Regression, x: np.ndarray) -> np.ndarray:
    features = keras.Input((x.shape[1],))
    return np.asarray(keras.Model(features, regression.output(features))(x)).reshape(-1)


def world(seed: int) -> tuple[np.ndarray, np.random.Generator]:
    random = np.random.default_rng(seed)
    return random.normal(0.3, 1, (COUNT, WIDTH)).astype(np.float32), random


@pytest.mark.parametrize("kind", ["similarities", "products", "ridge"])
def test_leaving_an_image_out_is_learning_without_it(kind: str) -> None:
    x, random = world(0)
    values = 20 * x[:, 3] + random.normal(0, 5, COUNT)

    def smoother(rows: np.ndarray) -> Smoother:
        if kind == "ridge":
            return RidgeSmoother(ArrayRows(x), rows, rows)
        return KernelSmoother(x[rows], 1.0 if kind == "similarities" else None, rows)

    left_out = smoother(ROWS).left_out(np.tile(values[:, None], len(STRENGTHS)))[:, STRENGTH]
    for out in (0, 70, COUNT - 1):
        rest = np.delete(ROWS, out)
        predicted = answers(smoother(rest).regression(values[rest], STRENGTH), x[out : out + 1])[0]
        # the penalty goes by the images' mean square, which is a little different without one of them
        assert predicted == pytest.approx(left_out[out], abs=0.03 * np.abs(values).std())
        assert abs(predicted - left_out[out]) < 0.05 * abs(values[out] - left_out[out]) + 0.2


@pytest.mark.parametrize("kind", ["similarities", "products", "ridge"])
def test_leaving_near_duplicates_out_is_learning_without_any_of_them(kind: str) -> None:
    x, random = world(0)
    cluster = np.where(ROWS < 12, 0, ROWS // 2)
    values = 20 * x[:, 3] + random.normal(0, 5, COUNT)

    def smoother(rows: np.ndarray) -> Smoother:
        if kind == "ridge":
            return RidgeSmoother(ArrayRows(x), rows, cluster[rows])
        return KernelSmoother(x[rows], 1.0 if kind == "similarities" else None, cluster[rows])

    left_out = smoother(ROWS).left_out(np.tile(values[:, None], len(STRENGTHS)))[:, STRENGTH]
    for out in ([*range(12)], [12, 13], [COUNT - 2, COUNT - 1]):
        rest = np.delete(ROWS, out)
        predicted = answers(smoother(rest).regression(values[rest], STRENGTH), x[out])
        np.testing.assert_allclose(predicted, left_out[out], atol=0.05 * np.abs(values).std())


def test_near_duplicates_are_left_out_together_but_not_thousands_of_them() -> None:
    cluster = np.concatenate([np.zeros(600, int), [7, 3, 7, 5]])
    together = [rows.tolist() for rows in near_duplicates(cluster)]
    assert [len(rows) for rows in together] == [200, 200, 200, 2]
    assert np.concatenate(together[:3]).tolist() == [*range(600)]
    assert together[3] == [600, 602]


def test_noise_that_near_duplicates_share_is_not_learnt_by_heart() -> None:
    """Two pictures of each animal give each other's length away, and say nothing of other animals'."""
    joined = []
    for cluster in (ROWS // 2, ROWS):
        count = 0
        for seed in range(10):
            x, random = world(seed)
            x[1::2] = x[::2] + random.normal(0, 0.02, (COUNT // 2, WIDTH))
            label = np.repeat(random.normal(0, 10, COUNT // 2), 2)
            count += within_category(ArrayRows(x), ROWS, label, cluster) is not None
        joined.append(count)
    together, apart = joined
    assert apart == 10
    assert together <= 3


def test_noise_costs_at_most_a_two_hundredth() -> None:
    """Where there is nothing to learn, a regression joins in rarely, and is then a weak one."""
    ratios, joined = [], 0
    for seed in range(30):
        x, random = world(seed)
        fresh = random.normal(0.3, 1, (400, WIDTH)).astype(np.float32)
        label, fresh_label = random.normal(0, 10, COUNT), random.normal(0, 10, 400)
        within = within_category(ArrayRows(x), ROWS, label, ROWS)
        off = fresh_label if within is None else fresh_label - answers(within.regression, fresh)
        ratios.append(np.sqrt(np.mean(off**2) / np.mean(fresh_label**2)))
        joined += within is not None
    print(f"joined in {joined} of {len(ratios)} times, error by that without {np.mean(ratios):.4f}")
    assert np.mean(ratios) < 1.005


@pytest.mark.parametrize("max_references", [0, 10**9], ids=["ridge", "similarities"])
@pytest.mark.parametrize("mistake", ["tenfold", "another's"])
def test_wrong_labels_hardly_count(mistake: str, max_references: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regraft.heads.within_category.MAX_REFERENCE_NUMBERS", max_references)
    x, random = world(1)
    true = 60 + 20 * x[:, 3]
    wrong = 10 * true if mistake == "tenfold" else random.permutation(true)
    label = np.where(random.random(COUNT) < 0.05, wrong, true) + random.normal(0, 3, COUNT)
    fresh = np.random.default_rng(9).normal(0.3, 1, (COUNT, WIDTH)).astype(np.float32)
    mean = robust_means(label, np.zeros(COUNT, np.int64), 1)[0]
    within = within_category(ArrayRows(x), ROWS, label - mean, ROWS)
    assert within is not None
    off = mean + answers(within.regression, fresh) - 60 - 20 * fresh[:, 3]
    assert np.sqrt(np.mean(off**2)) < 8
    left_out_off, inside_off = (mean + each - true for each in (within.left_out, answers(within.regression, x)))
    assert np.sqrt(np.mean(inside_off**2)) < np.sqrt(np.mean(left_out_off**2)) < 8


def test_a_mean_is_not_moved_by_one_label_in_another_unit() -> None:
    random = np.random.default_rng(0)
    label, category = random.normal(40, 8, 101), np.array([1] * 50 + [0] * 50 + [2])
    expected = [label[category == c].mean() for c in range(3)]
    np.testing.assert_allclose(robust_means(label, category, 3), expected, atol=1e-9)
    label[7] *= 10
    np.testing.assert_allclose(robust_means(label, category, 3)[[0, 2]], [expected[0], expected[2]], atol=1e-9)
    assert robust_means(label, category, 3)[1] == pytest.approx(expected[1], abs=1.0)


@pytest.mark.parametrize(
    "label", [np.zeros(COUNT), np.r_[np.zeros(COUNT - 1), 50.0]], ids=["all the same", "all but one the same"]
)
def test_labels_that_do_not_vary_have_nothing_to_learn(label: np.ndarray) -> None:
    x, _ = world(2)
    assert within_category(ArrayRows(x), ROWS, label, ROWS) is None
    assert within_category(ArrayRows(np.zeros_like(x)), ROWS, label, ROWS) is None
