"""Fine-tuning and training from scratch: what learns, what stays, and that the tuned model is the one that is used."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from regraft.backbones.backbone import Backbone
from regraft.backbones.embedding import features_of
from regraft.backbones.loading import load_backbone
from regraft.backbones.tuned_weights import with_weights
from regraft.config import HeadSettings, TuneSettings
from regraft.config_file import parse_config
from regraft.errors import CheckpointError, ConfigError
from regraft.heads import tuning
from regraft.heads.head import Head
from regraft.heads.model import Extractor, extractor_of, model_of
from regraft.heads.training import train
from regraft.menagerie import CONFIG
from regraft.menagerie.drawing import drawing, encoded
from regraft.pictures.colours import rgb
from regraft.store.store import Store
from regraft.store.versions import version
from regraft.targets.lengths import Lengths

pytestmark = pytest.mark.tensorflow


def world(store: Store) -> pd.DataFrame:
    """Twelve drawn tigers and cats in the store, and their manifest."""
    rows = []
    for number in range(12):
        for category, length in (("cat", 40.0), ("tiger", 100.0)):
            split = ("train", "train", "validation")[number % 3]
            digest = store.blobs.put(encoded(drawing(category, f"tune-{number}"), "JPEG"))
            rows.append((digest, category, split, length))
    return pd.DataFrame(rows, columns=["digest", "category", "split", "label"])


def grafted(manifest: pd.DataFrame, backbone: Backbone, store: Store) -> Head:
    features = features_of([rgb(store.blobs.read(digest)) for digest in manifest["digest"]], backbone)
    return train(manifest, features, Lengths(), HeadSettings(epochs=5), 0).head


def test_only_the_last_block_learns_and_batch_norm_stays(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    manifest, backbone = world(store), load_backbone("efficientnet-lite0")
    before = {weight.path: np.array(weight) for weight in backbone.model.weights}
    grafted_head = grafted(manifest, backbone, store)
    settings = TuneSettings(blocks=2, epochs=5, batch=8)
    done: list[int] = []
    tuned = tuning.tune(manifest, backbone, grafted_head, store.blobs, settings, 0, done.append)
    assert sum(done) == tuning.max_steps(manifest, settings) == 10
    assert len(done) > 5
    changed = {w.path.split("/")[0] for w in tuned.backbone.model.weights if not np.array_equal(before[w.path], w)}
    assert changed
    assert all(name == "_conv_head" or name.startswith("_blocks-15-") for name in changed), changed
    assert tuned.backbone.fingerprint != backbone.fingerprint
    assert set(tuned.history) == {"tune_loss", "tune_val_loss"}


def test_a_tuned_backbone_is_found_again_from_its_weights(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    manifest, backbone = world(store), load_backbone("MobileNetV2", "random")
    scratch, made = TuneSettings(blocks="all", epochs=1), grafted(manifest, backbone, store)
    tuned = tuning.tune(manifest, backbone, made, store.blobs, scratch, 0, lambda _: None)
    pictures = [rgb(store.blobs.read(digest)) for digest in manifest["digest"][:3]]
    settings = CONFIG.backbone.model_copy(update={"name": "MobileNetV2", "weights": "random"})
    again = Extractor(settings, tuned.backbone.fingerprint, tuned.weights).backbone()
    np.testing.assert_allclose(features_of(pictures, tuned.backbone), features_of(pictures, again), atol=1e-5)
    with pytest.raises(CheckpointError, match=r"backbone\.npz"):
        with_weights(backbone, tuned.weights[:1000])


def test_random_weights_that_would_never_learn_are_refused() -> None:
    with pytest.raises(ConfigError, match="blocks: all"):
        parse_config(CONFIG.model_dump() | {"backbone": {"name": "vgg16", "weights": "random"}})


@pytest.mark.usefixtures("prefect_server")
def test_a_job_that_fine_tunes_publishes_the_tuned_backbone(tmp_path: Path) -> None:
    from regraft.flows.refresh import refresh

    config = CONFIG.model_copy(update={"store": str(tmp_path), "tune": TuneSettings(blocks=1, epochs=1)})
    made = version(Store(config.store), refresh(config))
    assert "-tuned-" in extractor_of(made).fingerprint
    assert set(made.run.history) == {"loss", "val_loss", "tune_loss", "tune_val_loss"}
    test = made.table("predictions.parquet").query("split == 'test'")
    pictures = [rgb(made.store.blobs.read(digest)) for digest in test["digest"]]
    lengths = model_of(made).predict(pictures)["length_cm"]
    np.testing.assert_allclose(lengths, test["prediction"], atol=0.5)
