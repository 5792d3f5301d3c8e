"""Heads that name the category: what they answer, how good they are said to be, and how sure they are."""

import numpy as np
import pandas as pd
import pytest

from regraft.config import GateSettings, HeadSettings
from regraft.config_file import parse_config
from regraft.dataset import manifest
from regraft.errors import ConfigError
from regraft.heads import head
from regraft.heads.certainty import Certainty, certainty
from regraft.judging import classification as naming
from regraft.judging import gate as gates
from regraft.judging import holdout
from regraft.reporting.examples import examples
from regraft.targets.categories import Categories
from tests.heads.test_head import world

pytestmark = pytest.mark.tensorflow

GATE = GateSettings(samples=400)
NAMED = ("cat", "dog", "tiger")
TARGET = Categories(NAMED)
JOB = {"name": "job", "categories": {name: {"list": f"{name}.txt"} for name in NAMED}, "head": {"target": "category"}}


def predicted(seed: int, n: int = 60, sure: float = 2.0) -> pd.DataFrame:
    """Predictions of n images a category by a head whose scores for the right one are higher by `sure`."""
    random = np.random.default_rng(seed)
    rows = pd.DataFrame({"category": np.repeat(NAMED, n), "digest": [f"{seed}-{i}" for i in range(3 * n)]})
    rows = rows.assign(split=["train", "validation", "test"] * n, label=rows["category"])
    scores = np.exp(random.normal(0, 1, (3 * n, 3)) + sure * TARGET.truth(rows))
    return TARGET.predictions(rows, scores / scores.sum(axis=1, keepdims=True))


def test_the_label_is_the_category_and_needs_no_distribution() -> None:
    config = parse_config(JOB)
    pictures = pd.DataFrame({"digest": list("abc"), "category": NAMED, "urls": [["u"]] * 3})
    pictures = pictures.assign(width=1, height=1, phash="", cluster="")
    links = pd.DataFrame({"url": ["u"], "label": [7.0]})
    assert manifest.labelled(pictures, links, config)["label"].tolist() == list(NAMED)
    assert config.named == NAMED


def test_the_tutorials_preset_gives_no_categories() -> None:
    with pytest.raises(ConfigError, match="preset: tutorial learns lengths"):
        parse_config(JOB | {"head": {"target": "category", "preset": "tutorial"}})


def test_a_head_answers_with_probabilities_and_is_read_back_as_it_was() -> None:
    table, features = world(400)
    made = head.train(table, features, HeadSettings(target="category"), 0).head
    said = made.predict(features)
    assert made.target == Categories(("cat", "tiger"))
    np.testing.assert_allclose(said.sum(axis=1), 1, atol=1e-6)
    rows = made.target.predictions(table, said)
    assert (rows["prediction"] == rows["category"])[rows["split"] == "test"].mean() > 0.95
    again = head.Head.from_bytes(made.to_bytes(), made.target)
    assert said.tobytes() == again.predict(features).tobytes()
    assert said.tobytes() == made.target.answers(rows).tobytes()


def test_metrics_are_what_a_hand_computes() -> None:
    rows = pd.DataFrame({"category": ["cat", "cat", "dog", "tiger"], "digest": list("abcd")})
    said = np.array([[0.8, 0.1, 0.1], [0.2, 0.5, 0.3], [0.1, 0.9, 0.0], [0.25, 0.25, 0.5]])
    told = naming.metrics(TARGET.predictions(rows, said), TARGET, GATE, 0)
    assert told["accuracy"] == 0.75
    assert told["log_loss"] == pytest.approx(-np.log([0.8, 0.2, 0.9, 0.5]).mean())
    assert told["rmse"] ** 2 == pytest.approx(np.mean([0.06, 0.98, 0.02, 0.375]) / 2)
    assert told["confusion"]["cat"] == {"cat": 1, "dog": 1, "tiger": 0}
    parts = told["by_category"]
    assert [parts[name]["accuracy"] for name in NAMED] == [0.5, 1, 1]
    assert [parts[name]["precision"] for name in NAMED] == [1, 0.5, 1]
    assert told["auc"] == 1.0  # 0.5 / 0.7 for the second cat is still less dog than the dog's 0.9


def test_intervals_hold_what_was_measured_and_a_coin_has_an_area_of_a_half() -> None:
    told = naming.metrics(predicted(1), TARGET, GATE, 1)
    assert all(low < told[of] < high for of, (low, high) in told["intervals"].items())
    assert told["auc"] > 0.8
    low, high = naming.metrics(predicted(2, sure=0), TARGET, GATE, 2)["intervals"]["auc"]
    assert low < 0.5 < high


def test_the_gate_tells_a_better_namer_from_a_worse_one() -> None:
    rows = predicted(1)
    right = TARGET.truth(rows)
    better, worse = (TARGET.answers(predicted(1, sure=sure)) for sure in (3.0, 2.0))
    told = gates.gate("v", right, better, worse, TARGET, GATE, 0)
    assert told.promoted
    assert "RMSE of the probabilities" in told.why
    assert "worse than champion" in gates.gate("v", right, worse, better, TARGET, GATE, 0).why
    assert "just what" in gates.gate("v", right, worse, worse, TARGET, GATE, 0).why


def test_equal_namers_are_promoted_falsely_at_most_one_time_in_twenty() -> None:
    promoted = []
    for seed in range(200):
        rows, other = predicted(seed), TARGET.answers(predicted(seed + 1000))
        right = TARGET.truth(rows)
        promoted.append(gates.gate("v", right, TARGET.answers(rows), other, TARGET, GATE, seed).promoted)
    print(f"{np.mean(promoted):.1%} promoted falsely")
    assert np.mean(promoted) <= 0.05


def test_sets_hold_nine_of_ten_categories_and_never_nothing() -> None:
    held, sizes = [], []
    for seed in range(12):
        rows, features = predicted(seed, 120), np.random.default_rng(seed).normal(0, 1, (360, 8)).astype(np.float32)
        said, right = TARGET.answers(rows), TARGET.truth(rows)
        sure = Certainty.from_bytes(certainty(rows, features, said, TARGET).to_bytes())
        test = (rows["split"] == "test").to_numpy()
        possible = sure.calibration.possible(said[test])
        held += (possible & (right[test] > 0)).any(axis=1).tolist()
        sizes += possible.sum(axis=1).tolist()
    print(f"held {np.mean(held):.1%}, {np.mean(sizes):.2f} categories in a set")
    assert 0.86 <= np.mean(held) <= 0.94
    assert min(sizes) == 1
    few = certainty(rows.iloc[:9], features[:9], said[:9], TARGET)
    assert few.calibration.possible(said).all()


def test_what_looks_like_another_category_is_shown() -> None:
    rows = predicted(1)
    shown = examples(rows, TARGET)
    wrong = rows[rows["prediction"] != rows["category"]]
    assert set(shown.elsewhere["digest"]) <= set(wrong["digest"])
    assert shown.elsewhere["caption"].str.match(r"named (cat|dog|tiger), \d+%").all()
    assert set(shown.best["digest"]).isdisjoint(shown.worst["digest"])


def test_probabilities_are_found_by_name_where_the_categories_changed() -> None:
    said = np.array([[0.7, 0.3]])
    assert TARGET.aligned(said, Categories(("cat", "tiger"))).tolist() == [[0.7, 0.0, 0.3]]
    assert Categories(("tiger",)).aligned(said, Categories(("cat", "tiger"))).tolist() == [[0.3]]


def test_a_dead_link_whose_length_was_never_known_is_held_out_no_more() -> None:
    named = parse_config(JOB)
    lengths = parse_config(JOB | {"head": {}})
    assert holdout._label("cat", "d", 31.5, named) == "cat"
    assert holdout._label("cat", "d", "cat", lengths) is None
    assert holdout._label("cat", "d", 31.5, lengths) == 31.5
