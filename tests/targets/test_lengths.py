"""Lengths: how good they are said to be, and how they are shown."""

import numpy as np
import pandas as pd
import pytest

from regraft.config_file import parse_config
from regraft.errors import ConfigError
from regraft.store.metrics_record import OracleErrors
from regraft.targets.auc import area_of_lengths
from regraft.targets.calibration import Calibration
from regraft.targets.categories import Categories
from regraft.targets.charts import Histogram, Scatter
from regraft.targets.choice import target_of
from regraft.targets.labels import SyntheticLabels
from regraft.targets.length_scores import intervals, length_results
from regraft.targets.lengths import Lengths
from regraft.targets.rivals import compare
from regraft.targets.target import Answers
from tests.targets.worlds import DISTRIBUTIONS, GATE, length_predictions

LENGTHS = Lengths()


def no_answer(rows: pd.DataFrame) -> Answers:
    """Lengths are measured by predictions alone."""
    raise AssertionError(f"answers for {len(rows)} images were wanted")


def in_splits(predictions: pd.DataFrame) -> pd.DataFrame:
    """Predictions of which every third image is held out."""
    return predictions.assign(split=np.resize(["train", "validation", "test"], len(predictions)))


def test_a_job_predicts_lengths_if_it_says_nothing_else() -> None:
    config = parse_config({"name": "job", "categories": {name: {"list": f"{name}.txt"} for name in ("cat", "tiger")}})
    assert target_of(config) == LENGTHS
    assert not LENGTHS.is_comparable_with(Categories(("cat", "tiger")))


def test_intervals_hold_what_they_promise() -> None:
    """Of many samples of one world, nineteen of twenty intervals hold the true RMSE, or nearly so many."""
    worlds = [length_predictions(seed, 400) for seed in range(200, 230)]
    squares = [LENGTHS.errors_of(world).squared.mean() for world in worlds]
    true_rmse = float(np.sqrt(np.mean(squares)))
    errors = [intervals(length_predictions(seed), None, GATE, seed)["rmse"] for seed in range(100)]
    held = [low <= true_rmse <= high for low, high in errors]
    assert 0.88 <= np.mean(held) <= 0.99


def test_intervals_of_the_area_hold_the_area() -> None:
    table = length_predictions(1)
    table["prediction"] += np.random.default_rng(1).normal(0, 60, len(table))
    area = area_of_lengths(table)
    assert area is not None
    low, high = intervals(table, area, GATE, 1)["auc"]
    assert low < area.value < high


def test_what_cannot_be_said_is_left_out() -> None:
    cats = length_predictions(1).iloc[60:].assign(label=7.0)
    results = length_results(cats, GATE, 1)
    assert set(results.intervals) == {"rmse", "mae", "bias"}
    assert results.r2 is None
    assert results.auc is None


def test_results_are_what_a_hand_computes() -> None:
    rows = pd.DataFrame(
        {
            "category": ["cat", "cat", "tiger", "tiger"],
            "label": [30.0, 50.0, 90.0, 110.0],
            "prediction": [40, 40, 95, 55],
        }
    )
    results = length_results(rows, GATE, 0)
    assert results.n == 4
    assert results.rmse == pytest.approx(np.sqrt((100 + 100 + 25 + 3025) / 4))
    assert results.mae == pytest.approx((10 + 10 + 5 + 55) / 4)
    assert results.bias == pytest.approx((10 - 10 + 5 - 55) / 4)
    assert results.r2 == pytest.approx(1 - (3250 / 4) / (4000 / 4))
    assert results.auc == pytest.approx(1)
    assert results.by_category["cat"].rmse == pytest.approx(10)
    assert set(results.by_category["cat"].intervals) == {"rmse", "mae", "bias"}


def test_rivals_are_compared_on_the_same_images() -> None:
    table = length_predictions(2)
    ours = LENGTHS.errors_of(table)
    mean = LENGTHS.errors(table, np.full(len(table), table["label"].mean()))
    rivals = compare(ours, {"mean": mean, "self": ours}, GATE, 0)
    assert rivals["mean"].high < 0
    assert rivals["self"].difference == rivals["self"].low == rivals["self"].high == 0


def test_synthetic_labels_have_an_oracle_and_an_alarm_and_real_ones_have_none() -> None:
    predictions = in_splits(length_predictions(3))
    rivals, synthetic = LENGTHS.rivals(predictions), SyntheticLabels(DISTRIBUTIONS, 3)
    scores = LENGTHS.scores(predictions, no_answer, rivals, synthetic, GATE, 3)
    assert set(scores.rivals) == {"mean", "category_mean", "oracle"}
    assert scores.oracle is not None
    assert scores.excess == pytest.approx(scores.test.rmse / scores.oracle.rmse - 1)
    assert scores.strays is not None
    assert scores.strays.n == 0
    assert scores.strays.excess == pytest.approx(scores.excess)
    assert scores.leak is not None
    assert not scores.leak.alarm
    test = predictions.index[predictions["split"] == "test"]
    predictions["label"] += 0.5 * (predictions.index == test[0])
    real = LENGTHS.scores(predictions, no_answer, rivals, synthetic, GATE, 3)
    assert set(real.rivals) == {"mean", "category_mean"}
    assert (real.oracle, real.excess, real.strays, real.leak) == (None, None, None, None)


def test_test_images_that_look_like_another_category_are_counted() -> None:
    predictions = in_splits(length_predictions(3))
    test = predictions.index[(predictions["split"] == "test") & (predictions["category"] == "cat")]
    predictions.loc[test[:2], "prediction"] = 100.0
    scores = LENGTHS.scores(predictions, no_answer, {}, SyntheticLabels(DISTRIBUTIONS, 3), GATE, 3)
    assert scores.strays is not None
    assert scores.strays.n == 2
    assert scores.strays.excess is not None
    assert scores.excess is not None
    assert scores.strays.excess < scores.excess


def test_misfiled_pictures_make_the_error_larger() -> None:
    predictions = in_splits(length_predictions(3))
    synthetic = SyntheticLabels(DISTRIBUTIONS, 3)
    test = predictions[predictions["split"] == "test"]
    misfiled = pd.DataFrame({"digest": ["m"], "category": ["tiger"], "label": [synthetic.length("tiger", "m")]})
    scores = LENGTHS.misfiled_scores(test, misfiled.assign(prediction=300.0), synthetic)
    assert scores.n == 1
    assert scores.accuracy is None
    assert scores.rmse is not None
    assert scores.rmse > LENGTHS.errors_of(test).rmse
    assert scores.excess is not None


def test_an_image_has_the_mean_of_its_real_lengths_or_else_one_that_is_drawn() -> None:
    pictures = pd.DataFrame({"digest": ["a", "b"], "category": "tiger", "urls": [["u", "v", "w"], ["x"]]})
    links = pd.DataFrame({"url": list("uvwx"), "label": [10.0, 30.0, np.nan, np.nan]})
    synthetic = SyntheticLabels(DISTRIBUTIONS, 0)
    assert LENGTHS.labels(pictures, links, synthetic).tolist() == [20.0, synthetic.length("tiger", "b")]
    with pytest.raises(ConfigError, match=r"categories\.tiger: its list has no `label` column"):
        LENGTHS.labels(pictures, links, SyntheticLabels({"tiger": None}, 0))


def test_answers_are_shown_with_their_intervals() -> None:
    calibration = Calibration(means=np.array([40.0, 100.0]), half_widths=np.array([8.0, 20.0]))
    table = LENGTHS.table(np.array([63.14, 90.0]), calibration, None)
    assert tuple(table.columns) == LENGTHS.columns
    assert LENGTHS.cells(table) == [["63.1", "55 to 71"], ["90.0", "70 to 110"]]
    assert LENGTHS.captions(table) == ["63.1 cm", "90.0 cm"]
    assert LENGTHS.table(np.array([63.0]), None, None)["low_cm"].isna().all()
    assert LENGTHS.captions_with_labels(pd.DataFrame({"prediction": [63.4], "label": [58.2]})) == ["63 cm, label 58"]


def test_intervals_hold_nine_of_ten_of_each_category_although_lengths_do_not_tell_them_apart() -> None:
    """Both have the same mean length and the same predictions, and one of them varies four times as much."""
    is_held = np.zeros(2)
    for seed in range(20):
        random = np.random.default_rng(seed)
        predictions = pd.DataFrame({"category": np.repeat(["cat", "tiger"], 80), "split": "train"})
        label, spread = random.uniform(20, 80, 160), np.repeat([3.0, 12.0], 80)
        answers = label + random.normal(0, spread)
        calibration = LENGTHS.calibration(
            predictions.assign(label=label, prediction=label, left_out=answers), knows_categories=True
        )
        unseen = predictions.assign(label=label + random.normal(0, spread))
        coverage = LENGTHS.coverage(unseen, label, calibration, np.repeat([0, 1], 80))
        is_held += coverage.is_held.reshape(2, 80).mean(axis=1) / 20
    np.testing.assert_allclose(is_held, 0.9, atol=0.02)


def test_charts_show_every_image_and_the_oracle_where_there_is_one() -> None:
    predictions = in_splits(length_predictions(3))
    labels = LENGTHS.label_chart(predictions)
    assert isinstance(labels, Histogram)
    assert list(labels.series) == ["cat (60)", "tiger (60)"]
    synthetic = SyntheticLabels(DISTRIBUTIONS, 3)
    known = LENGTHS.prediction_chart(predictions, OracleErrors(rmse=21.5, mae=17), synthetic)
    unknown = LENGTHS.prediction_chart(predictions, None, synthetic)
    assert isinstance(known, Scatter)
    assert isinstance(unknown, Scatter)
    assert [len(points.x) for points in known.series.values()] == [60, 60]
    assert known.levels["tiger"] == pytest.approx(100, abs=0.5)
    assert known.band is not None
    assert "21.5 cm" in known.band.label
    assert unknown.band is None
    assert unknown.levels == {}


def test_lengths_of_many_categories_are_drawn_alike() -> None:
    rows = pd.DataFrame({"category": [f"c{i:02d}" for i in range(40)], "label": 1.0, "prediction": np.arange(40.0)})
    labels, chart = LENGTHS.label_chart(rows), LENGTHS.prediction_chart(rows, None, SyntheticLabels({}, 0))
    assert isinstance(labels, Histogram)
    assert list(labels.series) == ["40 categories (40)"]
    assert isinstance(chart, Scatter)
    assert list(chart.series) == ["40 categories"]
