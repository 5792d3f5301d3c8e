"""Categories: what heads answer, how good they are said to be, and how they are shown."""

import numpy as np
import pandas as pd
import pytest

from regraft.config_file import parse_config
from regraft.errors import ConfigError
from regraft.store.metrics_record import CategoryResults
from regraft.targets.auc import area_of_probabilities
from regraft.targets.calibration import Calibration
from regraft.targets.categories import Categories
from regraft.targets.category_scores import category_results, positions
from regraft.targets.charts import Matrix, StackedBars
from regraft.targets.choice import target_of
from regraft.targets.labels import SyntheticLabels
from tests.targets.worlds import GATE, NAMES, TARGET, category_predictions, probabilities

JOB = {"name": "job", "categories": {name: {"list": f"{name}.txt"} for name in NAMES}, "head": {"target": "category"}}
NOTHING_DRAWN = SyntheticLabels(dict.fromkeys(NAMES), 0)


def results(rows: pd.DataFrame, seed: int = 0) -> CategoryResults:
    area = area_of_probabilities(positions(rows, NAMES), probabilities(rows))
    return category_results(rows, area, GATE, seed)


def test_the_label_is_the_category_and_needs_no_distribution() -> None:
    pictures = pd.DataFrame({"digest": list("abc"), "category": NAMES, "urls": [["u"]] * 3})
    links = pd.DataFrame({"url": ["u"], "label": [7.0]})
    assert TARGET.labels(pictures, links, NOTHING_DRAWN).tolist() == list(NAMES)
    assert target_of(parse_config(JOB)) == TARGET


def test_the_tutorials_preset_gives_no_categories() -> None:
    with pytest.raises(ConfigError, match="preset: tutorial predicts lengths only"):
        parse_config(JOB | {"head": {"target": "category", "preset": "tutorial"}})


def test_results_are_what_a_hand_computes() -> None:
    rows = pd.DataFrame({"category": ["cat", "cat", "dog", "tiger"], "digest": list("abcd")})
    answers = np.array([[0.8, 0.1, 0.1], [0.2, 0.5, 0.3], [0.1, 0.9, 0.0], [0.25, 0.25, 0.5]])
    metrics = results(TARGET.predictions(rows, answers))
    assert metrics.accuracy == 0.75
    assert metrics.log_loss == pytest.approx(-np.log([0.8, 0.2, 0.9, 0.5]).mean())
    assert metrics.rmse**2 == pytest.approx(np.mean([0.06, 0.98, 0.02, 0.375]) / 2)
    assert metrics.confusion["cat"] == {"cat": 1, "dog": 1}
    parts = metrics.by_category
    assert [parts[name].accuracy for name in NAMES] == [0.5, 1, 1]
    assert [parts[name].precision for name in NAMES] == [1, 0.5, 1]
    assert metrics.auc == pytest.approx(1)  # 0.5 / 0.7 for the second cat is still less dog than the dog's 0.9


def test_a_category_that_is_never_answered_has_no_precision() -> None:
    rows = pd.DataFrame({"category": ["cat", "dog"], "digest": ["a", "b"]})
    parts = results(TARGET.predictions(rows, np.array([[0.8, 0.1, 0.1], [0.6, 0.3, 0.1]]))).by_category
    assert (parts["cat"].precision, parts["dog"].precision) == (0.5, None)
    assert "tiger" not in parts


def test_intervals_hold_what_was_measured_and_a_coin_has_an_area_of_a_half() -> None:
    metrics = results(category_predictions(1), 1)
    assert set(metrics.intervals) == {"accuracy", "log_loss", "rmse", "auc"}
    assert all(low < getattr(metrics, measure) < high for measure, (low, high) in metrics.intervals.items())
    assert metrics.auc is not None
    assert metrics.auc > 0.8
    low, high = results(category_predictions(2, sure=0), 2).intervals["auc"]
    assert low < 0.5 < high


def test_the_rival_knows_how_frequent_categories_are_and_there_is_no_oracle() -> None:
    predictions = category_predictions(1)
    rivals = TARGET.rivals(predictions)
    scores = TARGET.scores(predictions, probabilities, rivals, NOTHING_DRAWN, GATE, 1)
    np.testing.assert_allclose(rivals["shares"].squared, ((2 / 3) ** 2 + 2 * (1 / 3) ** 2) / 2)
    np.testing.assert_allclose(rivals["shares"].absolute, (2 / 3 + 2 / 3) / 3)
    assert set(scores.rivals) == {"shares"}
    assert scores.rivals["shares"].high < 0
    assert scores.test.n == 60
    assert (scores.oracle, scores.excess, scores.strays, scores.leak) == (None, None, None, None)


def test_misfiled_pictures_are_counted_as_wrong() -> None:
    predictions = category_predictions(1)
    test = predictions[predictions["split"] == "test"]
    wrong = predictions[predictions["prediction"] != predictions["category"]].head(3)
    scores = TARGET.misfiled_scores(test, wrong, NOTHING_DRAWN)
    right = int((test["prediction"] == test["category"]).sum())
    assert (scores.n, scores.accuracy) == (3, right / (len(test) + 3))


def test_probabilities_are_found_by_name_where_the_categories_changed() -> None:
    answers = np.array([[0.7, 0.3]])
    source = Categories(("cat", "tiger"))
    assert TARGET.is_comparable_with(source)
    assert TARGET.aligned(answers, source).tolist() == [[0.7, 0.0, 0.3]]
    assert Categories(("tiger",)).aligned(answers, source).tolist() == [[0.3]]


def test_the_doubtful_have_no_likely_category_and_strays_a_likelier_one_than_their_own() -> None:
    rows = category_predictions(1)
    doubts = TARGET.doubts(rows)
    wrong = rows["prediction"] != rows["category"]
    assert ((doubts.stray > 0) == wrong).all()
    assert doubts.error[wrong].min() >= 0.5
    assert doubts.doubt.between(0, 2 / 3).all()


def test_answers_are_shown_with_what_else_is_possible() -> None:
    answers = np.array([[0.05, 0.15, 0.8], [0.98, 0.01, 0.01]])
    table = TARGET.table(answers, Calibration(min_probability=0.1), None)
    assert tuple(table.columns) == TARGET.columns
    assert TARGET.cells(table) == [["tiger", "80.0%", "tiger, dog"], ["cat", "98.0%", "cat"]]
    assert TARGET.captions(table) == ["tiger, 80%", "cat, 98%"]
    assert TARGET.table(answers, None, None)["possible"].tolist() == ["tiger, dog, cat", "cat, dog, tiger"]
    rows = pd.DataFrame({"category": ["cat", "cat"]})
    assert TARGET.captions_with_labels(TARGET.predictions(rows, answers)) == ["named tiger, 80%", "named cat, 98%"]


def test_charts_count_every_image() -> None:
    predictions = category_predictions(1)
    labels = TARGET.label_chart(predictions)
    assert isinstance(labels, StackedBars)
    assert labels.rows == list(NAMES)
    assert labels.parts == {split: [20, 20, 20] for split in ("train", "validation", "test")}
    chart = TARGET.prediction_chart(predictions, None, NOTHING_DRAWN)
    assert isinstance(chart, Matrix)
    assert chart.counts.sum() == len(predictions)
    assert np.trace(chart.counts) == (predictions["prediction"] == predictions["category"]).sum()


MANY = Categories(tuple(f"c{i:02d}" for i in range(60)))


def many_predictions() -> tuple[pd.DataFrame, np.ndarray]:
    """Predictions of images of sixty categories, and their whole probabilities."""
    random = np.random.default_rng(0)
    rows = pd.DataFrame({"category": np.repeat(MANY.names, 12), "digest": [f"{i:04d}" for i in range(720)]})
    rows = rows.assign(split=["train", "validation", "test"] * 240, label=rows["category"])
    scores = random.normal(0, 1, (720, 60)) + 3 * (rows["category"].to_numpy()[:, None] == np.array(MANY.names))
    answers = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return MANY.predictions(rows, answers), answers


def test_predictions_of_many_categories_have_no_column_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    predictions, answers = many_predictions()
    assert [name for name in predictions.columns.astype(str) if name.startswith("p_")] == []
    np.testing.assert_allclose(predictions["probability"], answers.max(axis=1))
    monkeypatch.setattr("regraft.targets.categories.MAX_COLUMNS", 60)
    with_columns, _ = many_predictions()
    assert len([name for name in with_columns.columns.astype(str) if name.startswith("p_")]) == 60
    few, all_columns = (
        MANY.scores(table, lambda rows: answers[rows.index], MANY.rivals(table), NOTHING_DRAWN, GATE, 0)
        for table in (predictions, with_columns)
    )
    assert few == all_columns


def test_the_errors_in_predictions_are_those_of_the_answers() -> None:
    predictions, answers = many_predictions()
    kept, whole = MANY.errors_of(predictions), MANY.errors(predictions, answers)
    own = (predictions["category"].to_numpy()[:, None] == np.array(MANY.names)).astype(float)
    np.testing.assert_allclose(whole.squared, ((answers - own) ** 2).sum(axis=1) / 2)
    np.testing.assert_allclose(kept.squared, whole.squared)
    np.testing.assert_allclose(kept.absolute, whole.absolute)


def test_the_area_is_computed_from_a_bounded_part_of_the_images(monkeypatch: pytest.MonkeyPatch) -> None:
    predictions, answers = many_predictions()
    monkeypatch.setattr("regraft.targets.categories.MAX_COMPARED_PROBABILITIES", 2 * 60 * 60)
    counts: list[int] = []

    def answer(rows: pd.DataFrame) -> np.ndarray:
        counts.extend(rows["category"].value_counts().tolist())
        return answers[rows.index]

    scores = MANY.scores(predictions, answer, {}, NOTHING_DRAWN, GATE, 0)
    assert counts == [2] * 60
    assert scores.test.n == 240
    assert scores.test.auc is not None
    assert scores.test.auc > 0.9


def test_charts_of_many_categories_show_the_few_to_look_at() -> None:
    predictions, _ = many_predictions()
    labels = MANY.label_chart(predictions.iloc[5:])
    assert isinstance(labels, StackedBars)
    assert len(labels.rows) == 20
    assert "c00" in labels.rows
    assert labels.title.endswith(": the 20 smallest of 60")
    chart = MANY.prediction_chart(predictions, None, NOTHING_DRAWN)
    assert isinstance(chart, Matrix)
    assert chart.counts.shape == (20, 20)
    wrong = predictions[predictions["prediction"] != predictions["category"]]["category"].value_counts()
    assert wrong.index[0] in chart.names
    assert MANY.output == "the probabilities of 60 categories, in the order of their names,"
