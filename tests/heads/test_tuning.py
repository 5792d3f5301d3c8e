"""Fine-tuning and training from scratch: what learns, what stays, and that tuned weights are found again."""

from pathlib import Path

import keras
import numpy as np
import pytest

from regraft.backbones.backbone import Backbone
from regraft.backbones.embedding import features_of
from regraft.backbones.extractor import Extractor
from regraft.backbones.loading import load_backbone
from regraft.backbones.tuned_weights import tuned, weights_to_bytes, with_weights
from regraft.config import BackboneSettings, HeadSettings, TuneSettings
from regraft.errors import CheckpointError, VersionError
from regraft.heads import tuning
from regraft.pictures.colours import Pixels, rgb
from regraft.store.store import Store
from regraft.targets.lengths import Lengths
from tests.heads.synthetic import trained_head
from tests.networks import drawn_manifest

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path))


def tune_on_drawings(
    store: Store, backbone: Backbone, settings: TuneSettings
) -> tuple[tuning.Tuned, list[Pixels], list[int]]:
    """A backbone tuned with a head on drawn pictures; the pictures; and the steps that were reported."""
    manifest = drawn_manifest(store.blobs)
    pictures = [rgb(store.blobs.read(digest)) for digest in manifest["digest"]]
    head = trained_head(manifest, features_of(pictures, backbone), Lengths(), HeadSettings(epochs=5), 0)
    steps: list[int] = []
    result = tuning.tune(manifest, backbone, head, store.blobs, settings, 0, steps.append)
    assert sum(steps) == tuning.max_steps(manifest, settings)
    return result, pictures, steps


def test_only_the_last_block_learns_and_batch_norm_stays(store: Store) -> None:
    backbone = load_backbone("efficientnet-lite0")
    before = {weight.path: np.array(weight) for weight in backbone.model.weights}
    result, _, steps = tune_on_drawings(store, backbone, TuneSettings(blocks=2, epochs=5, batch=8))
    assert sum(steps) == 10
    assert len(steps) > 5
    changed = {w.path.split("/")[0] for w in result.backbone.model.weights if not np.array_equal(before[w.path], w)}
    assert changed
    assert all(name == "_conv_head" or name.startswith("_blocks-15-") for name in changed), changed
    assert result.backbone.fingerprint != backbone.fingerprint
    assert set(result.history) == {"tune_loss", "tune_val_loss"}


def small_backbone() -> Backbone:
    """A network with a convolution, batch norm and another convolution, with the same random weights each time."""
    keras.utils.set_random_seed(7)
    pixels = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(8, 3, 2, name="conv1_1")(keras.layers.Rescaling(1 / 255)(pixels))
    x = keras.layers.BatchNormalization(name="conv1_norm")(x)
    x = keras.layers.Conv2D(16, 3, 2, activation="relu", name="conv2_1")(x)
    return Backbone("small", "small-random-crop32", 32, keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(x)))


def test_from_scratch_everything_learns_batch_norm_too(store: Store) -> None:
    before = {weight.path: np.array(weight) for weight in small_backbone().model.weights}
    result, _, _ = tune_on_drawings(store, small_backbone(), TuneSettings(blocks="all", epochs=2, learning_rate=1e-3))
    after = {weight.path: np.array(weight) for weight in result.backbone.model.weights}
    assert [path for path, array in after.items() if np.array_equal(array, before[path])] == []


def test_a_tuned_backbone_is_made_again_from_its_weights(store: Store) -> None:
    result, pictures, _ = tune_on_drawings(store, small_backbone(), TuneSettings(blocks="all", epochs=1))
    again = with_weights(small_backbone(), result.weights)
    assert again.fingerprint == result.backbone.fingerprint
    np.testing.assert_allclose(features_of(pictures, again), features_of(pictures, result.backbone), atol=1e-5)
    with pytest.raises(CheckpointError, match=r"backbone\.npz"):
        with_weights(small_backbone(), result.weights[:1000])


def test_an_extractor_loads_the_backbone_with_its_tuned_weights() -> None:
    backbone = load_backbone("MobileNetV2", "random")
    weights = weights_to_bytes(backbone)
    settings = BackboneSettings(name="MobileNetV2", weights="random")
    again = Extractor(settings, tuned(backbone, weights).fingerprint, weights).backbone()
    squares = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)
    np.testing.assert_allclose(again.features(squares), backbone.features(squares), atol=1e-5)
    with pytest.raises(VersionError, match="trained on the backbone MobileNetV2-random-crop224-tuned-00000000"):
        Extractor(settings, "MobileNetV2-random-crop224-tuned-00000000", weights).backbone()
