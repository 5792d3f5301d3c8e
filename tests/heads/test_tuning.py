"""Fine-tuning and training from scratch: what learns, what stays, what it brings, and that weights are found again."""

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from regraft.backbones.backbone import Backbone
from regraft.backbones.embedding import features_of
from regraft.backbones.extractor import Extractor
from regraft.backbones.loading import load_backbone
from regraft.backbones.tuned_weights import tuned, weights_to_bytes, with_weights
from regraft.config import BackboneSettings, HeadSettings, TuneSettings
from regraft.errors import CheckpointError, VersionError
from regraft.heads import tuning
from regraft.heads.batches import Augmentation, picture_batches
from regraft.heads.training import train
from regraft.menagerie.drawing import encoded
from regraft.pictures.colours import rgb
from regraft.store.feature_rows import ArrayRows
from regraft.store.store import Store
from regraft.targets.categories import Categories
from regraft.targets.labels import SyntheticLabels
from regraft.targets.lengths import Lengths
from regraft.targets.target import Target
from tests.heads.drawn import drawn_manifest

pytestmark = pytest.mark.tensorflow
SIDE = 32


def features_in(manifest: pd.DataFrame, backbone: Backbone, store: Store) -> ArrayRows:
    return ArrayRows(features_of([rgb(store.blobs.read(digest)) for digest in manifest["digest"]], backbone))


def tune(
    manifest: pd.DataFrame,
    backbone: Backbone,
    store: Store,
    settings: TuneSettings,
    lesson: tuning.Lesson = "category",
    from_scratch: bool = False,
) -> tuple[tuning.Tuned, list[int]]:
    """A backbone tuned on a manifest's pictures, and the steps that were reported."""
    features = None if from_scratch else features_in(manifest, backbone, store)
    steps: list[int] = []
    result = tuning.tune(manifest, backbone, features, lesson, store.blobs, settings, 0, steps.append)
    assert sum(steps) == tuning.max_steps(manifest, settings)
    return result, steps


def test_one_block_is_what_moves_features_and_batch_norm_stays(store: Store) -> None:
    backbone, manifest = load_backbone("efficientnet-lite0"), drawn_manifest(store.blobs, 6)
    before = {weight.path: np.array(weight) for weight in backbone.model.weights}
    features = features_in(manifest, backbone, store).array
    result, _ = tune(manifest, backbone, store, TuneSettings(blocks=1, epochs=2, batch=4, learning_rate=1e-3))
    changed = {w.path.split("/")[0] for w in result.backbone.model.weights if not np.array_equal(before[w.path], w)}
    assert changed == {"_conv_head"}
    off = features_in(manifest, result.backbone, store).array - features
    assert np.abs(off).mean() > 0.01 * np.abs(features).mean(), "the features move"
    assert result.backbone.fingerprint != backbone.fingerprint
    assert set(result.history) == {"tune_loss", "tune_val_loss"}


def test_the_last_blocks_are_those_that_have_weights_to_learn(lite0: Backbone) -> None:
    tuning._set_trainable(lite0.model, 2, from_scratch=False)
    names = {weight.path.split("/")[0] for weight in lite0.model.trainable_weights}
    lite0.model.trainable = True
    assert len(names) > 1
    assert all(name == "_conv_head" or name.startswith("_blocks-15-") for name in names), names
    assert not any("bn" in name for name in names)


def test_the_blocks_of_a_network_that_is_a_layer_are_its_own() -> None:
    network = load_backbone("MobileNetV2", "random").model
    for blocks, expected in ((1, {"Conv_1"}), (2, {"Conv_1", "block_16_"})):
        tuning._set_trainable(network, blocks, from_scratch=False)
        names = {weight.path.split("/")[-2] for weight in network.trainable_weights}
        assert names
        assert all(name.startswith(tuple(expected)) and "BN" not in name for name in names), names
        assert all(any(name.startswith(block) for name in names) for block in expected), names


def small_backbone() -> Backbone:
    """A network with a convolution, batch norm and another convolution, with the same random weights each time."""
    keras.utils.set_random_seed(7)
    pixels = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Conv2D(8, 3, 2, name="conv1_1")(keras.layers.Rescaling(1 / 255)(pixels))
    x = keras.layers.BatchNormalization(name="conv1_norm")(x)
    x = keras.layers.Conv2D(16, 3, 2, activation="relu", name="conv2_1")(x)
    return Backbone("small", "small-random-crop32", SIDE, keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(x)))


def gratings(store: Store, count: int = 600) -> pd.DataFrame:
    """Put pictures of noisy stripes into a store, steep or flat ones; the length goes with how steep they are."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    manifest = []
    for number in range(count):
        angle, phase = random.uniform(-0.9, 0.9), random.uniform(0, 2 * np.pi)
        stripes = np.sin(0.75 * (columns * np.cos(angle) + rows * np.sin(angle)) + phase)
        picture = 128 + random.uniform(40, 60) * stripes[..., None] + random.normal(0, 15, (SIDE, SIDE, 3))
        digest = store.blobs.put(encoded(Image.fromarray(picture.clip(0, 255).astype(np.uint8)), "PNG"))
        split = ("train", "train", "train", "validation", "test")[number % 5]
        manifest.append((digest, digest, "steep" if abs(angle) < 0.45 else "flat", split, 50 + 40 * abs(angle)))
    return pd.DataFrame(manifest, columns=["digest", "cluster", "category", "split", "label"])


def rmse(manifest: pd.DataFrame, backbone: Backbone, store: Store, target: Target) -> float:
    """The test split's, in cm or of probabilities, of a head that is trained on a backbone's features."""
    features, real = features_in(manifest, backbone, store), SyntheticLabels({"steep": None, "flat": None}, 0)
    settings = HeadSettings(target=target.kind)
    head = train(manifest, features, target, settings, real, 0).head
    rows = head.predictions(manifest, features)
    return target.errors_of(rows[rows["split"] == "test"]).rmse


def test_tuned_features_know_more_of_real_lengths_than_frozen_ones(store: Store) -> None:
    manifest = gratings(store)
    frozen = rmse(manifest, small_backbone(), store, Lengths())
    settings = TuneSettings(blocks=1, epochs=8, learning_rate=1e-3)
    result, _ = tune(manifest, small_backbone(), store, settings, "length")
    assert rmse(manifest, result.backbone, store, Lengths()) < 0.85 * frozen


def test_tuned_features_know_more_of_categories_than_frozen_ones(store: Store) -> None:
    manifest, target = gratings(store), Categories(("flat", "steep"))
    manifest["label"] = manifest["category"]
    frozen = rmse(manifest, small_backbone(), store, target)
    result, _ = tune(manifest, small_backbone(), store, TuneSettings(blocks=1, epochs=8, learning_rate=1e-3))
    assert rmse(manifest, result.backbone, store, target) < 0.9 * frozen


def test_from_scratch_a_network_learns_what_random_weights_do_not_know(store: Store) -> None:
    manifest, target = gratings(store), Categories(("flat", "steep"))
    manifest["label"] = manifest["category"]
    before = {weight.path: np.array(weight) for weight in small_backbone().model.weights}
    frozen = rmse(manifest, small_backbone(), store, target)
    settings = TuneSettings(blocks="all", epochs=6, learning_rate=3e-3)
    result, _ = tune(manifest, small_backbone(), store, settings, from_scratch=True)
    assert rmse(manifest, result.backbone, store, target) < 0.8 * frozen
    after = {weight.path: np.array(weight) for weight in result.backbone.model.weights}
    assert [path for path, array in after.items() if np.array_equal(array, before[path])] == [], "batch norm learns too"
    squares = np.stack([rgb(store.blobs.read(digest)) for digest in manifest["digest"]]).astype(np.float32)
    modes = [np.asarray(result.backbone.model(squares, training=training)) for training in (True, False)]
    off = np.abs(modes[0] - modes[1]).mean() / np.abs(modes[0]).mean()
    assert off < 0.2, "it answers with the means that it learnt with"


def test_pictures_are_only_flipped_where_lengths_are_learnt(store: Store) -> None:
    manifest = gratings(store, 10)
    digests, positions = manifest["digest"].tolist(), np.arange(10, dtype=np.float32)
    pictures = np.stack([rgb(store.blobs.read(digest)) for digest in digests]).astype(np.float32)
    for flips_only in (True, False):
        augmentation = Augmentation(0, flips_only)
        batches = picture_batches(digests, positions, small_backbone(), store.blobs, 4, augmentation)
        epochs = [[np.concatenate(parts) for parts in zip(*batches.as_numpy_iterator(), strict=True)] for _ in range(2)]
        assert sorted(epochs[0][1].tolist()) == positions.tolist()
        assert epochs[0][1].tolist() != epochs[1][1].tolist(), "another order in each epoch"
        changed, order = np.concatenate([e[0] for e in epochs]), np.concatenate([e[1] for e in epochs]).astype(int)
        is_kept, is_mirrored = (
            np.isclose(changed, original).all(axis=(1, 2, 3))
            for original in (pictures[order], pictures[order, :, ::-1])
        )
        assert (is_kept | is_mirrored).all() == flips_only
        assert not flips_only or (is_kept.any() and is_mirrored.any())


def test_the_same_seed_tunes_the_same_weights(store: Store) -> None:
    manifest = gratings(store, 60)
    settings = TuneSettings(blocks="all", epochs=2, learning_rate=1e-3)
    first, second = (tune(manifest, small_backbone(), store, settings, "length")[0] for _ in range(2))
    assert first.weights == second.weights
    assert first.history == second.history


def test_a_tuned_backbone_is_made_again_from_its_weights(store: Store) -> None:
    manifest = drawn_manifest(store.blobs)
    pictures = [rgb(store.blobs.read(digest)) for digest in manifest["digest"]]
    result, _ = tune(manifest, small_backbone(), store, TuneSettings(blocks="all", epochs=1))
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
