"""Training: the same seed gives the same head, and each preset learns what it promises."""

from typing import Literal

import numpy as np
import pandas as pd
import pytest

from regraft.config import HeadSettings
from regraft.errors import TrainingError
from regraft.heads.training import train
from regraft.store.feature_rows import ArrayRows
from regraft.targets.categories import Categories
from regraft.targets.labels import SyntheticLabels
from regraft.targets.lengths import Lengths
from regraft.targets.oracle import oracle_errors
from tests.heads.synthetic import tigers_and_cats, trained_head
from tests.store.stored_backwards import StoredBackwards
from tests.targets.worlds import DISTRIBUTIONS

pytestmark = pytest.mark.tensorflow

Preset = Literal["graft", "tutorial"]


@pytest.mark.parametrize("preset", ["graft", "tutorial"])
def test_the_same_seed_gives_the_same_head_to_the_bit(preset: Preset) -> None:
    manifest, features = tigers_and_cats()
    settings = HeadSettings(preset=preset, epochs=15)
    first, second = (trained_head(manifest, features, Lengths(), settings, 3).predict(features) for _ in range(2))
    assert first.tobytes() == second.tobytes()


def test_a_head_that_is_trained_in_blocks_is_the_same_each_time_and_as_good(monkeypatch: pytest.MonkeyPatch) -> None:
    manifest, features = tigers_and_cats(300)
    in_memory = trained_head(manifest, features, Lengths(), HeadSettings(), 3).predict(features)
    monkeypatch.setattr("regraft.heads.graft.max_images", lambda width: 0)
    monkeypatch.setattr("regraft.store.feature_rows.BLOCK_BYTES", 4 * features.shape[1] * 100)
    first, second = (trained_head(manifest, features, Lengths(), HeadSettings(), 3).predict(features) for _ in range(2))
    assert first.tobytes() == second.tobytes()
    rows = manifest[manifest["split"] == "test"]
    rmse, rmse_in_memory = (Lengths().errors(rows, lengths[rows.index]).rmse for lengths in (first, in_memory))
    assert rmse < 1.02 * rmse_in_memory


def test_an_image_has_the_answer_to_its_own_features_in_whatever_order_they_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    manifest, features = tigers_and_cats()
    head = trained_head(manifest, features, Lengths(), HeadSettings(epochs=5), 0)
    images = manifest.iloc[::3]
    at_once = head.predictions(images, ArrayRows(features[::3]))
    monkeypatch.setattr("regraft.store.feature_rows.BLOCK_BYTES", 4 * features.shape[1] * 7)
    pd.testing.assert_frame_equal(head.predictions(images, StoredBackwards(features[::3])), at_once, rtol=1e-5)


def test_drawn_labels_are_not_regressed_within_a_category(monkeypatch: pytest.MonkeyPatch) -> None:
    manifest, features = tigers_and_cats()
    monkeypatch.delattr("regraft.heads.graft.within_category")
    trained_head(manifest, features, Lengths(), HeadSettings(epochs=5), 0)


def test_the_graft_comes_near_the_oracle_and_the_tutorials_way_does_not() -> None:
    manifest, features = tigers_and_cats(400)
    is_test = (manifest["split"] == "test").to_numpy()
    ceiling = oracle_errors(manifest[is_test], DISTRIBUTIONS)
    assert ceiling is not None

    def excess(preset: Preset) -> float:
        lengths = trained_head(manifest, features, Lengths(), HeadSettings(preset=preset), 0).predict(features)
        return float(np.sqrt(((lengths - manifest["label"])[is_test] ** 2).mean())) / ceiling.rmse - 1

    graft, tutorial = excess("graft"), excess("tutorial")
    print(f"above the oracle: graft {graft:.1%}, tutorial {tutorial:.1%}")
    assert graft < 0.05 < tutorial


def test_real_labels_that_vary_within_a_category_are_learnt() -> None:
    manifest, features = tigers_and_cats()
    manifest["label"] = 50 + 20 * features[:, 1] + 30 * (manifest["category"] == "tiger")
    lengths = trained_head(manifest, features, Lengths(), HeadSettings(), 0).predict(features)
    is_test = manifest["split"] == "test"
    assert np.corrcoef(lengths[is_test], manifest["label"][is_test])[0, 1] > 0.95


def test_categories_are_answered_with_their_probabilities() -> None:
    manifest, features = tigers_and_cats(400)
    target = Categories(("cat", "tiger"))
    head = trained_head(manifest, features, target, HeadSettings(target="category"), 0)
    probabilities = head.predict(features)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    rows = target.predictions(manifest, probabilities)
    assert (rows["prediction"] == rows["category"])[rows["split"] == "test"].mean() > 0.95
    assert probabilities.tobytes() == rows[["p_cat", "p_tiger"]].to_numpy().tobytes()


@pytest.mark.parametrize("preset", ["graft", "tutorial"])
@pytest.mark.parametrize("feature", [np.nan, -np.inf, 1e30])
def test_features_that_are_no_numbers_are_refused_with_the_images_digest(feature: float, preset: Preset) -> None:
    manifest, features = tigers_and_cats()
    features[3, 2] = feature
    expected = r"features of 1 of 300 images are not numbers up to 1e\+15, first those of 0003"
    with pytest.raises(TrainingError, match=expected):
        trained_head(manifest, features, Lengths(), HeadSettings(preset=preset, epochs=3), 0)


@pytest.mark.parametrize("preset", ["graft", "tutorial"])
@pytest.mark.parametrize("label", [np.inf, -np.inf, np.nan, 1e200])
def test_labels_that_are_no_lengths_are_refused_with_the_images_digest(label: float, preset: Preset) -> None:
    manifest, features = tigers_and_cats()
    manifest.loc[3, "label"] = label
    expected = f"labels of 1 of 300 images are not lengths up to 1e\\+09 cm, first that of 0003: {label:g}".replace(
        "+2", ".2"
    )
    with pytest.raises(TrainingError, match=expected):
        trained_head(manifest, features, Lengths(), HeadSettings(preset=preset, epochs=3), 0)


@pytest.mark.parametrize("preset", ["graft", "tutorial"])
def test_features_that_are_all_the_same_are_refused(preset: Preset) -> None:
    manifest, features = tigers_and_cats()
    with pytest.raises(TrainingError, match="all 300 images have the same features, so nothing can be learnt"):
        trained_head(manifest, np.ones_like(features), Lengths(), HeadSettings(preset=preset, epochs=3), 0)


def test_features_that_say_nothing_leave_the_categories_means() -> None:
    manifest, features = tigers_and_cats()
    manifest["label"] += 1.0
    same = np.ones_like(features)
    same[0, 0] += 1e-6
    lengths = trained_head(manifest, same, Lengths(), HeadSettings(epochs=5), 0).predict(same)
    assert np.isfinite(lengths).all()
    assert np.ptp(lengths) < 1e-3
    low, high = sorted(manifest.groupby("category")["label"].mean())
    assert low < lengths[0] < high


def test_a_category_with_a_single_image_is_learnt_from_where_that_trains() -> None:
    manifest, features = tigers_and_cats()
    manifest.loc[manifest["split"].eq("train").idxmax(), "category"] = "lion"
    nothing_drawn = SyntheticLabels(dict.fromkeys(("cat", "lion", "tiger")), 0)

    def lengths() -> np.ndarray:
        settings = HeadSettings(epochs=5)
        return train(manifest, ArrayRows(features), Lengths(), settings, nothing_drawn, 0).head.predict(features)

    assert np.isfinite(lengths()).all()
    manifest.loc[manifest["category"] == "lion", "split"] = "test"
    with pytest.raises(TrainingError, match="category lion has no image in the train split"):
        lengths()


@pytest.mark.parametrize("preset", ["graft", "tutorial"])
@pytest.mark.parametrize("missing", ["train", "validation"])
def test_without_images_to_learn_from_or_to_stop_by_nothing_is_trained(missing: str, preset: Preset) -> None:
    manifest, features = tigers_and_cats()
    left = manifest[manifest["split"] != missing]
    with pytest.raises(TrainingError, match=f"no image in the {missing} split"):
        trained_head(left, features[left.index], Lengths(), HeadSettings(preset=preset), 0)
    with pytest.raises(TrainingError, match="no image in the train split"):
        trained_head(manifest[:0], features[:0], Lengths(), HeadSettings(preset=preset), 0)
