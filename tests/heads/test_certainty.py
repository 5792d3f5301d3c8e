"""How sure a model is: what its intervals hold, and which pictures are unlike those of training."""

import numpy as np
import pytest

from regraft.config import HeadSettings
from regraft.errors import VersionError
from regraft.heads.certainty import Certainty, certainty
from regraft.store.feature_rows import ArrayRows
from regraft.targets.labels import SyntheticLabels
from regraft.targets.lengths import Lengths
from tests.heads.synthetic import WIDTH, tigers_and_cats
from tests.targets.worlds import DISTRIBUTIONS, TARGET, category_predictions, is_own, probabilities


def test_intervals_hold_nine_of_ten_lengths_and_strangers_are_marked() -> None:
    is_held: list[bool] = []
    is_stranger_marked: list[bool] = []
    is_similar_marked: list[bool] = []
    for seed in range(8):
        manifest, features = tigers_and_cats(300, seed)
        features[:, 12:] *= 0.02  # real features vary in fewer directions than they have
        lengths = np.where(manifest["category"] == "tiger", 100.0, 40.0)
        predictions = Lengths().predictions(manifest, lengths)
        reloaded = Certainty.from_bytes(certainty(predictions, ArrayRows(features), Lengths()).to_bytes())
        is_test = (manifest["split"] == "test").to_numpy()
        low, high = reloaded.calibration.interval(lengths[is_test])
        label = manifest["label"].to_numpy()[is_test]
        is_held += ((low <= label) & (label <= high)).tolist()
        is_tiger = lengths[is_test] > 70
        assert (high - low)[is_tiger].mean() > 2 * (high - low)[~is_tiger].mean()
        strangers = np.random.default_rng(seed).normal(0, 1, (50, WIDTH)).astype(np.float32)
        is_stranger_marked += reloaded.is_unlike_training(strangers).tolist()
        is_similar_marked += reloaded.is_unlike_training(features[is_test]).tolist()
    held, strangers_marked, similar_marked = map(np.mean, (is_held, is_stranger_marked, is_similar_marked))
    print(f"held {held:.1%}, strangers marked {strangers_marked:.0%}, similar ones marked {similar_marked:.1%}")
    assert 0.86 <= held <= 0.95
    assert similar_marked < 0.08
    assert strangers_marked > 0.8


def test_sets_hold_nine_of_ten_categories_and_never_nothing() -> None:
    is_held: list[bool] = []
    sizes: list[int] = []
    for seed in range(12):
        rows = category_predictions(seed, 120)
        features = np.random.default_rng(seed).normal(0, 1, (360, 8)).astype(np.float32)
        answers = probabilities(rows)
        reloaded = Certainty.from_bytes(certainty(rows, ArrayRows(features), TARGET).to_bytes())
        is_test = (rows["split"] == "test").to_numpy()
        possible = reloaded.calibration.possible(answers[is_test])
        is_held += np.any(possible & (is_own(rows)[is_test] > 0), axis=1).tolist()
        sizes += possible.sum(axis=1).tolist()
    print(f"held {np.mean(is_held):.1%}, {np.mean(sizes):.2f} categories in a set")
    assert 0.86 <= np.mean(is_held) <= 0.94
    assert min(sizes) == 1
    few = certainty(rows.iloc[:9], ArrayRows(features[:9]), TARGET)
    assert few.calibration.possible(answers).all()


@pytest.mark.tensorflow
def test_intervals_hold_nine_of_ten_although_the_head_has_learnt_the_validation_images() -> None:
    """By what the head would have answered without them."""
    from regraft.heads.training import train

    is_held: list[bool] = []
    for seed in range(6):
        manifest, features = tigers_and_cats(150, seed)
        manifest["label"] = 50 + 8 * features[:, 1] + np.random.default_rng(seed).normal(0, 5, 300)
        trained = train(manifest, ArrayRows(features), Lengths(), HeadSettings(), SyntheticLabels(DISTRIBUTIONS, 0), 0)
        predictions = trained.head.predictions(manifest, ArrayRows(features)).assign(left_out=trained.left_out)
        test = predictions[predictions["split"] == "test"]
        assert predictions["left_out"].isna().tolist() == (predictions["split"] == "test").tolist()
        low, high = Lengths().calibration(predictions).interval(test["prediction"].to_numpy())
        is_held += ((low <= test["label"]) & (test["label"] <= high)).tolist()
    print(f"held {np.mean(is_held):.1%} of {len(is_held)}")
    assert 0.85 <= np.mean(is_held) <= 0.95


def test_too_few_validation_images_give_no_false_certainty() -> None:
    manifest, features = tigers_and_cats(6)
    manifest["split"] = (["train"] * 4 + ["validation", "test"]) * 2
    few = certainty(manifest.assign(prediction=70.0), ArrayRows(features), Lengths())
    low, high = few.calibration.interval(np.array([50.0]))
    assert np.isinf(high - low).all()


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"\x93NUMPY"])
def test_a_damaged_file_is_refused(data: bytes) -> None:
    with pytest.raises(VersionError, match=r"certainty\.npz cannot be read"):
        Certainty.from_bytes(data)
