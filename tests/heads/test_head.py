"""Heads: the same seed gives the same one, presets do what they say, and broken ones are refused."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from regraft.config import HeadSettings, SplitSettings
from regraft.dataset import labels, splits
from regraft.errors import TrainingError, VersionError
from regraft.heads import head
from regraft.heads.certainty import Certainty, certainty
from regraft.targets.categories import Categories
from regraft.targets.lengths import Lengths
from regraft.targets.oracle import oracle_errors
from tests.targets.worlds import DISTRIBUTIONS, TARGET, category_predictions

pytestmark = pytest.mark.tensorflow

WIDTH = 24


def world(n: int = 150, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """A manifest of n tigers and n cats, and features that tell them apart."""
    random = np.random.default_rng(seed)
    table = pd.DataFrame({"category": ["tiger"] * n + ["cat"] * n, "digest": [f"{i:04d}" for i in range(2 * n)]})
    pairs = list(zip(table["category"], table["digest"], strict=True))
    table["split"] = [splits.split_of(SplitSettings(), seed, c, d) for c, d in pairs]
    table["label"] = [labels.label_of(DISTRIBUTIONS[c], seed, c, d) for c, d in pairs]
    features = random.normal(0, 1, (2 * n, WIDTH)).astype(np.float32)
    features[:n, 0] += 5
    return table, features


@pytest.mark.parametrize("preset", ["graft", "tutorial"])
def test_the_same_seed_gives_the_same_head_to_the_bit(preset: str) -> None:
    table, features = world()
    settings = HeadSettings(preset=preset, epochs=15)  # type: ignore[arg-type]
    once, again = (head.train(table, features, settings, 3).head.predict(features) for _ in range(2))
    assert once.tobytes() == again.tobytes()


def test_the_graft_comes_near_the_oracle_and_the_tutorials_recipe_does_not() -> None:
    table, features = world(400)
    test = table["split"] == "test"
    ceiling = oracle_errors(table[test], DISTRIBUTIONS)
    assert ceiling is not None
    errors = {}
    for preset in ("graft", "tutorial"):
        said = head.train(table, features, HeadSettings(preset=preset), 0).head.predict(features)  # type: ignore[arg-type]
        errors[preset] = float(np.sqrt(((said - table["label"])[test] ** 2).mean())) / ceiling.rmse - 1
    print(errors)
    assert errors["graft"] < 0.05 < errors["tutorial"]


def test_real_labels_that_vary_within_a_category_are_learnt() -> None:
    table, features = world()
    table["label"] = 50 + 20 * features[:, 1] + 30 * (table["category"] == "tiger")
    said = head.train(table, features, HeadSettings(), 0).head.predict(features)
    test = table["split"] == "test"
    assert np.corrcoef(said[test], table["label"][test])[0, 1] > 0.95


def test_a_loss_that_is_no_number_stops_training() -> None:
    table, features = world()
    features[3, 2] = np.nan
    with pytest.raises(TrainingError, match="not a number"):
        head.train(table, features, HeadSettings(epochs=3), 0)


def test_a_head_is_read_back_as_it_was() -> None:
    table, features = world()
    made = head.train(table, features, HeadSettings(epochs=3), 0).head
    again = head.Head.from_bytes(made.to_bytes(), Lengths())
    assert made.predict(features).tobytes() == again.predict(features).tobytes()


@pytest.mark.parametrize("layer", ["Lambda", "TorchModuleWrapper", "os.system"])
def test_a_keras_file_that_asks_for_code_is_refused(layer: str, tmp_path: Path) -> None:
    table, features = world()
    path = tmp_path / "head.keras"
    path.write_bytes(head.train(table, features, HeadSettings(epochs=1), 0).head.to_bytes())
    changed = tmp_path / "changed.keras"
    with zipfile.ZipFile(path) as told, zipfile.ZipFile(changed, "w") as crafted:
        for name in told.namelist():
            data = told.read(name)
            if name == "config.json":
                config = json.loads(data)
                config["config"]["layers"][1]["class_name"] = layer
                data = json.dumps(config).encode()
            crafted.writestr(name, data)
    with pytest.raises(VersionError, match="is not one of a head's"):
        head.Head.from_bytes(changed.read_bytes(), Lengths())


def test_bytes_that_are_no_head_are_refused() -> None:
    for data in (b"", b"PK", b"\x80\x04cos\nsystem\n"):
        with pytest.raises(VersionError, match="cannot be read"):
            head.Head.from_bytes(data, Lengths())


def test_intervals_hold_nine_of_ten_lengths_and_strangers_are_marked() -> None:
    held, marked, usual = [], [], []
    for seed in range(8):
        table, features = world(300, seed)
        features[:, 12:] *= 0.02  # real features fill fewer directions than they have
        said = np.where(table["category"] == "tiger", 100.0, 40.0)
        sure = Certainty.from_bytes(certainty(table, features, said, Lengths()).to_bytes())
        test = (table["split"] == "test").to_numpy()
        low, high = sure.calibration.interval(said[test])
        label = table["label"].to_numpy()[test]
        held += ((low <= label) & (label <= high)).tolist()
        assert (high - low)[said[test] > 70].mean() > 2 * (high - low)[said[test] < 70].mean()
        strangers = np.random.default_rng(seed).normal(0, 1, (50, WIDTH)).astype(np.float32)
        marked += sure.unlike(strangers).tolist()
        usual += sure.unlike(features[test]).tolist()
    print(f"held {np.mean(held):.1%}, strangers marked {np.mean(marked):.0%}, usual ones marked {np.mean(usual):.1%}")
    assert 0.86 <= np.mean(held) <= 0.95
    assert np.mean(usual) < 0.08
    assert np.mean(marked) > 0.8


def test_too_few_validation_images_give_no_false_certainty() -> None:
    table, features = world(6)
    table["split"] = (["train"] * 4 + ["validation", "test"]) * 2
    few = certainty(table, features, np.full(12, 70.0), Lengths())
    low, high = few.calibration.interval(np.array([50.0]))
    assert np.isinf(high - low).all()


def test_a_head_answers_with_probabilities_and_is_read_back_as_it_was() -> None:
    table, features = world(400)
    made = head.train(table, features, HeadSettings(target="category"), 0).head
    answers = made.predict(features)
    assert made.target == Categories(("cat", "tiger"))
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-6)
    rows = made.target.predictions(table, answers)
    assert (rows["prediction"] == rows["category"])[rows["split"] == "test"].mean() > 0.95
    again = head.Head.from_bytes(made.to_bytes(), made.target)
    assert answers.tobytes() == again.predict(features).tobytes()
    assert answers.tobytes() == made.target.answers(rows).tobytes()


def test_sets_hold_nine_of_ten_categories_and_never_nothing() -> None:
    held, sizes = [], []
    for seed in range(12):
        rows = category_predictions(seed, 120)
        features = np.random.default_rng(seed).normal(0, 1, (360, 8)).astype(np.float32)
        answers, truth = TARGET.answers(rows), TARGET.truth(rows)
        sure = Certainty.from_bytes(certainty(rows, features, answers, TARGET).to_bytes())
        test = (rows["split"] == "test").to_numpy()
        possible = sure.calibration.possible(answers[test])
        held += (possible & (truth[test] > 0)).any(axis=1).tolist()
        sizes += possible.sum(axis=1).tolist()
    print(f"held {np.mean(held):.1%}, {np.mean(sizes):.2f} categories in a set")
    assert 0.86 <= np.mean(held) <= 0.94
    assert min(sizes) == 1
    few = certainty(rows.iloc[:9], features[:9], answers[:9], TARGET)
    assert few.calibration.possible(answers).all()
