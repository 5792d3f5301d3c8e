"""A candidate beside the champion, in a store whose features are made up: no web, no backbone, no flow."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from regraft.backbones.extractor import Extractor
from regraft.backbones.weights import frozen_fingerprint
from regraft.config import Config, HeadSettings
from regraft.errors import TrainingError
from regraft.heads.training import train
from regraft.identity import digest_of
from regraft.judging.evaluate import Candidate, evaluate
from regraft.judging.evaluation import Evaluation, Terms
from regraft.store import versions
from regraft.store.feature_rows import ArrayRows
from regraft.store.store import Store
from regraft.store.tables import parquet
from regraft.targets.choice import target_of
from tests.heads.synthetic import tigers_and_cats, trained_head
from tests.records import metrics_record, run_record

pytestmark = pytest.mark.tensorflow

FINGERPRINT = "made-up"
CHAMPION = "20260101T000000Z"
LENGTHS = run_record().config
CATEGORIES = LENGTHS.model_copy(update={"head": HeadSettings(target="category")})
TUTORIAL = LENGTHS.model_copy(update={"head": HeadSettings(preset="tutorial")})
NOTHING_MISFILED = pd.DataFrame({"digest": [], "category": [], "label": []}, dtype=str)


@dataclass(frozen=True)
class World:
    """A store with the features of some tigers and cats."""

    store: Store
    manifest: pd.DataFrame
    features: np.ndarray

    def candidate(self, config: Config, manifest: pd.DataFrame) -> Candidate:
        features = self.features[manifest.index]
        head = trained_head(manifest, features, target_of(config), config.head, config.seed)
        predictions = head.predictions(manifest, ArrayRows(features))
        return Candidate(head.to_bytes(), predictions, Extractor(config.backbone, FINGERPRINT))

    def evaluated(self, config: Config = LENGTHS, manifest: pd.DataFrame | None = None) -> Evaluation:
        manifest = self.manifest if manifest is None else manifest
        if config.head.target == "category":
            manifest = manifest.assign(label=manifest["category"])
        holdout = manifest[["digest", "category", "label"]][manifest["split"] == "test"]
        candidate = self.candidate(config, manifest)
        return evaluate(manifest, holdout, NOTHING_MISFILED, candidate, Terms.of(config), self.store)

    def promote(
        self, config: Config = LENGTHS, manifest: pd.DataFrame | None = None, fingerprint: str = FINGERPRINT
    ) -> None:
        manifest = self.manifest if manifest is None else manifest
        files = {
            "head.keras": self.candidate(config, manifest).head,
            "manifest.parquet": parquet(manifest),
            "metrics.json": metrics_record().to_bytes(),
            "run.json": run_record(config=config, backbone_fingerprint=fingerprint).to_bytes(),
        }
        versions.publish(self.store, CHAMPION, files)
        versions.promote(self.store, CHAMPION, None)


@pytest.fixture
def world(tmp_path: Path) -> World:
    manifest, features = tigers_and_cats(150)
    store = Store(str(tmp_path))
    store.features.append(FINGERPRINT, manifest["digest"].tolist(), features)
    return World(store, manifest, features)


def test_the_first_candidate_becomes_champion(world: World) -> None:
    evaluation = world.evaluated()
    metrics = evaluation.metrics
    assert metrics.promoted
    assert metrics.why == "There was no champion yet."
    assert (metrics.champion, metrics.attribution) == (None, None)
    assert set(metrics.rivals) == {"mean", "category_mean", "tutorial", "oracle"}
    assert metrics.misfiled.n == 0
    assert metrics.excess is not None
    assert metrics.excess < 0.15
    assert metrics.leak is not None
    assert not metrics.leak.alarm
    assert evaluation.predictions["digest"].tolist() == world.manifest["digest"].tolist()


def test_the_same_model_again_is_not_promoted_and_nothing_is_attributed(world: World) -> None:
    world.promote()
    metrics = world.evaluated().metrics
    assert not metrics.promoted
    assert metrics.why.startswith(f"Predicts just what champion {CHAMPION} predicts")
    assert metrics.champion is not None
    assert metrics.champion.difference == 0
    assert metrics.attribution is None


def test_a_better_candidate_is_promoted(world: World) -> None:
    world.promote(TUTORIAL)
    metrics = world.evaluated().metrics
    assert metrics.promoted
    assert metrics.champion is not None
    assert metrics.champion.high < 0


def test_lost_and_changed_data_add_up_to_the_whole_difference(world: World) -> None:
    """The candidate has lost two of three training images, and new labels for the rest."""
    world.promote()
    is_train = world.manifest["split"] == "train"
    left = world.manifest[~is_train | (np.arange(len(world.manifest)) % 3 == 0)]
    lost = world.evaluated(manifest=left).metrics
    assert lost.champion is not None
    assert lost.attribution is not None
    assert lost.attribution.lost_data == pytest.approx(lost.champion.difference, abs=1e-4)
    assert lost.attribution.changed_data == pytest.approx(0, abs=1e-4)
    relabelled = left.assign(label=left["label"].where(left["split"] == "test", left["label"] + 20))
    changed = world.evaluated(manifest=relabelled).metrics
    assert changed.champion is not None
    assert changed.attribution is not None
    assert changed.attribution.lost_data == pytest.approx(lost.attribution.lost_data, abs=1e-4)
    assert changed.attribution.changed_data > 1
    whole = changed.attribution.lost_data + changed.attribution.changed_data
    assert whole == pytest.approx(changed.champion.difference, abs=1e-4)


def test_of_many_images_a_sample_says_what_made_the_difference(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has as much lost data as all of them: of the images that are left, those in the sample."""
    trained: list[int] = []

    def counted(manifest: pd.DataFrame, *settings: Any) -> Any:
        trained.append(len(manifest))
        return train(manifest, *settings)

    monkeypatch.setattr("regraft.judging.attribution.train", counted)
    monkeypatch.setattr("regraft.judging.attribution.MAX_IMAGES", 90)
    world.promote()
    is_train = world.manifest["split"] == "train"
    left = world.manifest[~is_train | (np.arange(len(world.manifest)) % 3 == 0)]
    lost = world.evaluated(manifest=left).metrics
    assert lost.champion is not None
    assert lost.attribution is not None
    whole = lost.attribution.lost_data + lost.attribution.changed_data
    assert whole == pytest.approx(lost.champion.difference, abs=1e-9)
    assert sorted(trained) == [sorted(trained)[0], 90], "another seed would give the same head"
    assert 30 < sorted(trained)[0] < 60


def test_where_all_lists_are_new_nothing_is_attributed(world: World) -> None:
    """No image is left that the champion learnt from; its test images are compared on all the same."""
    world.promote()
    is_test = world.manifest["split"] == "test"
    new = world.manifest["digest"].where(is_test, world.manifest["digest"].map(lambda old: digest_of(old.encode())))
    world.store.features.append(FINGERPRINT, new[~is_test].tolist(), world.features[~is_test])
    metrics = world.evaluated(manifest=world.manifest.assign(digest=new)).metrics
    assert metrics.champion is not None
    assert metrics.champion.n == is_test.sum()
    assert metrics.attribution is None


def test_an_image_that_the_champions_backbone_cannot_see_is_not_compared_on(world: World) -> None:
    """Another backbone's features of a test image are in the store, but no longer its bytes."""
    fingerprint = frozen_fingerprint(LENGTHS.backbone.name, LENGTHS.backbone.weights)
    world.store.features.append(fingerprint, world.manifest["digest"].tolist(), world.features)
    world.promote(fingerprint=fingerprint)
    is_test, gone = world.manifest["split"] == "test", digest_of(b"gone")
    row = int(np.flatnonzero(is_test)[0])
    world.store.features.append(FINGERPRINT, [gone], world.features[[row]])
    digests = world.manifest["digest"].where(world.manifest.index != row, gone)
    metrics = world.evaluated(manifest=world.manifest.assign(digest=digests)).metrics
    assert metrics.champion is not None
    assert metrics.champion.n == is_test.sum() - 1


def test_a_worse_candidate_is_not_promoted_and_its_settings_count_as_change(world: World) -> None:
    world.promote()
    metrics = world.evaluated(TUTORIAL).metrics
    assert not metrics.promoted
    assert metrics.champion is not None
    assert metrics.champion.low > 0
    assert metrics.attribution is not None
    assert metrics.attribution.lost_data == 0
    assert metrics.attribution.changed_data == pytest.approx(metrics.champion.difference, abs=1e-4)


def test_another_seed_is_noise(world: World) -> None:
    world.promote(TUTORIAL)
    metrics = world.evaluated().metrics
    assert metrics.attribution is not None
    assert metrics.attribution.training_noise > 0


def test_the_champion_is_not_judged_on_what_it_was_trained_on(world: World) -> None:
    world.promote(manifest=world.manifest.assign(split=world.manifest["split"].replace("test", "train")))
    metrics = world.evaluated().metrics
    assert not metrics.promoted
    assert metrics.champion is None
    assert "was trained on these images" in metrics.why


def test_a_champion_of_the_other_kind_stays(world: World) -> None:
    world.promote()
    metrics = world.evaluated(CATEGORIES).metrics
    assert not metrics.promoted
    assert metrics.champion is None
    assert f"Champion {CHAMPION} predicts lengths, this model categories" in metrics.why
    assert set(metrics.rivals) == {"shares"}


def test_a_champion_that_cannot_be_read_any_more_is_replaced(world: World) -> None:
    world.promote()
    (Path(world.store.url) / "versions" / CHAMPION / "head.keras").write_bytes(b"PK")
    metrics = world.evaluated().metrics
    assert metrics.promoted
    assert f"Champion {CHAMPION} cannot be read any more and is replaced" in metrics.why


def test_a_champion_that_only_cannot_predict_here_stays(world: World) -> None:
    """Its backbone's weights are on another machine: nothing is wrong with it."""
    elsewhere = LENGTHS.backbone.model_copy(update={"name": "vgg16", "weights": "/not/on/this/machine.npy"})
    world.promote(LENGTHS.model_copy(update={"backbone": elsewhere}), fingerprint="vgg16-elsewhere")
    metrics = world.evaluated().metrics
    assert not metrics.promoted
    assert metrics.champion is None
    assert f"Champion {CHAMPION} could not predict here" in metrics.why


def test_nobody_is_promoted_over_a_pointer_that_cannot_be_read(world: World) -> None:
    world.promote()
    world.store.disk.write(versions.CHAMPION, b"{")
    evaluation = world.evaluated()
    assert not evaluation.metrics.promoted
    assert "champion.json" in evaluation.metrics.why


def test_who_was_judged_against_another_champion_is_not_promoted(world: World) -> None:
    evaluation = world.evaluated()
    assert evaluation.unless_champion_is_another(None).metrics.promoted
    judged = evaluation.unless_champion_is_another(CHAMPION).metrics
    assert not judged.promoted
    assert f"Judged against no champion, but {CHAMPION} is champion by now and stays" in judged.why


def test_a_head_that_is_not_the_trained_one_when_read_again_is_refused(world: World) -> None:
    candidate = world.candidate(LENGTHS, world.manifest)
    moved = candidate.predictions.assign(prediction=candidate.predictions["prediction"] + 0.01)
    other = replace(candidate, predictions=moved)
    with pytest.raises(TrainingError, match=r"The saved head predicts otherwise .* \(by up to 0\.01\)"):
        evaluate(world.manifest, world.manifest, NOTHING_MISFILED, other, Terms.of(LENGTHS), world.store)


def test_who_knows_the_labels_is_not_promoted(world: World) -> None:
    """A feature gives the label away; the candidate would be better than any that looks at pictures."""
    features = world.features.copy()
    features[:, 1] = world.manifest["label"] / 30
    world.store.features.append("leaking", world.manifest["digest"].tolist(), features)
    head = trained_head(world.manifest, features, target_of(LENGTHS), LENGTHS.head, 0)
    predictions = head.predictions(world.manifest, ArrayRows(features))
    candidate = Candidate(head.to_bytes(), predictions, Extractor(LENGTHS.backbone, "leaking"))
    holdout = world.manifest[world.manifest["split"] == "test"]
    metrics = evaluate(world.manifest, holdout, NOTHING_MISFILED, candidate, Terms.of(LENGTHS), world.store).metrics
    assert metrics.leak is not None
    assert metrics.leak.alarm
    assert not metrics.promoted
    assert metrics.why.startswith("Leak alarm")


def test_misfiled_pictures_are_counted_beside_the_metrics(world: World) -> None:
    wrong = world.manifest[world.manifest["split"] == "train"].head(3)
    misfiled = wrong[["digest", "label"]].assign(category="cat")
    holdout = world.manifest[world.manifest["split"] == "test"]
    candidate = world.candidate(LENGTHS, world.manifest)
    metrics = evaluate(world.manifest, holdout, misfiled, candidate, Terms.of(LENGTHS), world.store).metrics
    assert metrics.misfiled.n == 3
    assert metrics.misfiled.rmse is not None
    assert metrics.misfiled.rmse != metrics.test.rmse
