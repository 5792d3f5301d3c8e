"""How sure a model is: what its intervals hold, and which pictures are unlike those of training."""

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest

from regraft.config import HeadSettings
from regraft.errors import VersionError
from regraft.heads.certainty import Certainty, certainty
from regraft.heads.unlike import DistanceFromReferences, distance_from
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
        low, high = reloaded.calibration.interval(lengths[is_test], None)
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
        calibration = Lengths().calibration(predictions, knows_categories=True)
        likeliest = trained.head.likeliest_categories(features[test.index])
        low, high = calibration.interval(test["prediction"].to_numpy(), likeliest)
        is_held += ((low <= test["label"]) & (test["label"] <= high)).tolist()
    print(f"held {np.mean(is_held):.1%} of {len(is_held)}")
    assert 0.85 <= np.mean(is_held) <= 0.95


@pytest.mark.tensorflow
def test_intervals_hold_nine_of_ten_where_each_picture_is_there_twice() -> None:
    """A copy gives a picture's length away. A head that is measured by that seems to know lengths to the centimetre."""
    from regraft.heads.training import train

    is_held: list[bool] = []
    for seed in range(4):
        random = np.random.default_rng(seed)
        manifest, _ = tigers_and_cats(120, seed)
        manifest["label"] = 50 + random.normal(0, 10, 240)
        features = random.normal(0, 1, (240, 200)).astype(np.float32)
        features[:120, 0] += 8
        copies = manifest[manifest["split"] != "test"].assign(digest=lambda rows: rows["digest"] + "b")
        near = features[copies.index] + random.normal(0, 0.05, (len(copies), 200)).astype(np.float32)
        both, x = pd.concat([manifest, copies], ignore_index=True), np.concatenate([features, near])
        nothing_drawn = SyntheticLabels(dict.fromkeys(("cat", "tiger")), 0)
        trained = train(both, ArrayRows(x), Lengths(), HeadSettings(), nothing_drawn, 0)
        predictions = trained.head.predictions(both, ArrayRows(x)).assign(left_out=trained.left_out)
        test = predictions[predictions["split"] == "test"]
        calibration = Lengths().calibration(predictions, knows_categories=True)
        low, high = calibration.interval(
            test["prediction"].to_numpy(), trained.head.likeliest_categories(x[test.index])
        )
        is_held += ((low <= test["label"]) & (test["label"] <= high)).tolist()
    print(f"held {np.mean(is_held):.1%} of {len(is_held)}")
    assert 0.84 <= np.mean(is_held) <= 0.97


def test_too_few_validation_images_give_no_false_certainty() -> None:
    manifest, features = tigers_and_cats(6)
    manifest["split"] = (["train"] * 4 + ["validation", "test"]) * 2
    few = certainty(manifest.assign(prediction=70.0), ArrayRows(features), Lengths())
    low, high = few.calibration.interval(np.array([50.0]), None)
    assert np.isinf(high - low).all()


def photographs(count: int, random: np.random.Generator) -> np.ndarray:
    """Features of pictures of one kind, which are never negative, as those of a backbone."""
    return np.maximum(random.normal(1, 0.3, (count, 40)) * KIND, 0).astype(np.float32)


KIND = np.random.default_rng(5).uniform(0, 2, 40)


def unit(features: np.ndarray) -> np.ndarray:
    return features / np.linalg.norm(features, axis=1, keepdims=True)


@pytest.mark.parametrize(("train_count", "validation_count"), [(60, 15), (140, 30), (600, 120)])
def test_one_in_a_hundred_of_the_same_kind_is_marked_and_nearly_all_of_another(
    train_count: int, validation_count: int
) -> None:
    marked, strangers_marked = [], []
    for seed in range(20):
        random = np.random.default_rng(seed)
        features = ArrayRows(photographs(train_count + validation_count, random))
        rows = np.arange(len(features))
        distance, most = distance_from(features, rows[:train_count], rows[train_count:])
        marked.append(np.mean(distance(photographs(300, random)) > most))
        strangers = np.maximum(random.normal(1, 0.3, (100, 40)) * np.roll(KIND, 7), 0).astype(np.float32)
        strangers_marked.append(np.mean(distance(strangers) > most))
    assert 0.002 < np.mean(marked) < 0.02
    assert np.mean(strangers_marked) > 0.99


def test_copies_of_a_training_picture_make_no_other_picture_more_similar() -> None:
    random = np.random.default_rng(3)
    train, others = (unit(photographs(count, random)) for count in (60, 20))
    once = DistanceFromReferences.of(train.astype(np.float16))
    often = DistanceFromReferences(np.concatenate([train, *[train[:1]] * 6]).astype(np.float16), once.width)
    np.testing.assert_allclose(often(others), once(others), rtol=0.05)


def test_references_of_an_earlier_regraft_say_what_is_usual_themselves() -> None:
    random = np.random.default_rng(6)
    calibration: dict[str, Any] = {"means": np.array([40.0]), "half_widths": np.array([9.0]), "usual": np.array(0.0)}
    file = io.BytesIO()
    np.savez(file, **calibration, references=unit(photographs(300, random)).astype(np.float16))
    old = Certainty.from_bytes(file.getvalue())
    again = Certainty.from_bytes(old.to_bytes())
    alike = photographs(300, random)
    strangers = np.maximum(random.normal(1, 0.3, (100, 40)) * np.roll(KIND, 7), 0).astype(np.float32)
    assert old.is_unlike_training(alike).mean() < 0.03
    assert old.is_unlike_training(strangers).mean() > 0.99
    assert again.is_unlike_training(alike).tolist() == old.is_unlike_training(alike).tolist()


def test_each_reference_is_compared_with_the_others_alone() -> None:
    directions = unit(np.random.default_rng(4).normal(1, 1, (30, 12))).astype(np.float16)
    distance = DistanceFromReferences.of(directions)
    for row in range(30):
        others = DistanceFromReferences(np.delete(directions, row, axis=0), distance.width)
        assert distance.left_out()[row] == pytest.approx(
            others(directions[row : row + 1].astype(np.float32))[0], abs=1e-3
        )


def test_references_are_few_and_as_many_as_their_numbers_allow() -> None:
    random = np.random.default_rng(0)
    for width, count in ((16, 1024), (4000, 500), (20_000, 256)):
        images = count + 20
        features = ArrayRows(random.standard_normal((images, width), dtype=np.float32))
        distance, _ = distance_from(features, np.arange(images), np.arange(0))
        assert distance.references.shape == (count, width)


def test_pictures_without_any_feature_and_training_sets_of_one_have_a_distance() -> None:
    features = ArrayRows(np.zeros((3, 8), np.float32))
    distance, most = distance_from(features, np.arange(1), np.arange(1, 3))
    assert np.isfinite(distance(features.array)).all()
    assert np.isfinite(most)


def test_a_file_of_an_earlier_regraft_measures_from_its_plane() -> None:
    file = io.BytesIO()
    calibration: dict[str, Any] = {"means": np.array([40.0]), "half_widths": np.array([9.0]), "usual": np.array(0.5)}
    np.savez(file, **calibration, centre=np.ones(3, np.float32), plane=np.array([[1, 0, 0]], np.float32))
    old = Certainty.from_bytes(file.getvalue())
    pictures = np.array([[5, 1, 1], [1, 5, 1], [4, 2, 1], [2, 4, 1]], np.float32)
    assert old.is_unlike_training(pictures).tolist() == [False, True, False, True]
    assert Certainty.from_bytes(old.to_bytes()).is_unlike_training(pictures).tolist() == [False, True, False, True]


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"\x93NUMPY"])
def test_a_damaged_file_is_refused(data: bytes) -> None:
    with pytest.raises(VersionError, match=r"certainty\.npz cannot be read"):
        Certainty.from_bytes(data)
