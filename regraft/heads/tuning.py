"""Fine-tuning: the backbone's last blocks, or all of it, learn together with the head, from augmented pictures.

Batch norm stays in inference mode where pretrained weights are tuned (https://keras.io/guides/transfer_learning/);
from scratch it learns too. What comes out is another backbone, with a fingerprint and features of its own.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from regraft.backbones import device, tuned_weights
from regraft.backbones.backbone import Backbone
from regraft.config import TuneSettings
from regraft.errors import TrainingError
from regraft.heads.head import Head
from regraft.identity import Digest
from regraft.pictures.colours import Pixels, rgb
from regraft.store.store import Store

BLOCK = re.compile(r"_?(?:conv\d+_)?blocks?[-_]?\d+[a-z]?(?=[-_])|conv\d+(?=_)")
"""How networks name the layers of a block: _blocks-15-..., block5_conv1, conv5_block3_..., block7a_..., conv5_1."""
BRIGHTNESS, CONTRAST, ZOOM = 25.0, 0.2, 0.85
PATIENCE = 3


@dataclass(frozen=True)
class Tuned:
    """What fine-tuning made."""

    backbone: Backbone
    head: Head
    weights: bytes
    """backbone.npz"""
    history: dict[str, list[float]]
    """tune_loss and tune_val_loss by epoch."""


def tune(
    manifest: pd.DataFrame,
    backbone: Backbone,
    head: Head,
    store: Store,
    settings: TuneSettings,
    seed: int,
    progress: Callable[[int], None],
) -> Tuned:
    """Return backbone and head after learning together on the train split, stopped early on the validation split.

    A head that knows the categories learns them, by cross-entropy; another one the labels. `progress` hears of every
    step, and of those that were not needed. Raises TrainingError where a loss is not a number.
    """
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    _thaw(backbone.model, settings.blocks)
    knows = any(layer.name == "category" for layer in head.model.layers)
    classifier = keras.Model(head.model.input, head.model.get_layer("category").output) if knows else head.model
    joint = keras.Model(backbone.model.input, classifier(backbone.model.output))
    joint.compile(keras.optimizers.Adam(settings.learning_rate), "sparse_categorical_crossentropy" if knows else "mse")
    categories = sorted(manifest["category"].unique())
    target = manifest["category"].map(categories.index) if knows else manifest["label"]
    rows = manifest[["digest", "split"]].assign(target=target.to_numpy(dtype=np.float32))
    train, validation = (
        _pictures(rows[rows["split"] == split], backbone, store, settings.batch, seed if split == "train" else None)
        for split in ("train", "validation")
    )
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=PATIENCE, restore_best_weights=True)
    tells = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: progress(1))
    with device.single_precision():
        ran = joint.fit(
            train,
            validation_data=validation,
            epochs=settings.epochs,
            verbose=0,
            shuffle=False,
            callbacks=[stop, keras.callbacks.TerminateOnNaN(), tells],
        )
    progress(_steps_an_epoch(manifest, settings) * (settings.epochs - len(ran.epoch)))
    history = {f"tune_{name}": [float(x) for x in values] for name, values in ran.history.items()}
    if not all(np.isfinite(values).all() for values in history.values()):
        raise TrainingError("Fine-tuning stopped: the loss is not a number. Try a smaller tune.learning_rate.")
    weights = tuned_weights.weights_to_bytes(backbone)
    return Tuned(tuned_weights.tuned(backbone, weights), head, weights, history)


def steps(manifest: pd.DataFrame, settings: TuneSettings) -> int:
    """Return how many steps fine-tuning takes at most."""
    return _steps_an_epoch(manifest, settings) * settings.epochs


def _steps_an_epoch(manifest: pd.DataFrame, settings: TuneSettings) -> int:
    return -(-int((manifest["split"] == "train").sum()) // settings.batch)


def _thaw(network: Any, blocks: int | str) -> None:
    """Let the last blocks learn and nothing else; batch norm only where everything does."""
    names: list[str] = []
    for layer in network.layers:
        if layer.weights and (name := _block(layer.name)) not in names:
            names.append(name)
    learning = set(names) if blocks == "all" else set(names[-int(blocks) :])
    for layer in network.layers:
        frozen_norm = isinstance(layer, keras.layers.BatchNormalization) and blocks != "all"
        layer.trainable = _block(layer.name) in learning and not frozen_norm


def _block(layer: str) -> str:
    found = BLOCK.match(layer)
    return found.group() if found else layer


def _pictures(rows: pd.DataFrame, backbone: Backbone, store: Store, batch: int, seed: int | None) -> Any:
    """Batches of (pictures, targets) from the store's blobs; with a seed in another order and light every epoch."""
    shape = (backbone.side, backbone.side, 3)
    shuffles = np.random.default_rng(seed)

    def one_by_one() -> Iterator[tuple[Pixels, float]]:
        order = shuffles.permutation(len(rows)) if seed is not None else np.arange(len(rows))
        for i in order:
            digest, target = Digest(rows["digest"].iloc[i]), float(rows["target"].iloc[i])
            yield backbone.prepare(rgb(store.blobs.read(digest), backbone.side)), target

    signature = (tf.TensorSpec(shape, tf.uint8), tf.TensorSpec((), tf.float32))
    data = tf.data.Dataset.from_generator(one_by_one, output_signature=signature)
    data = data.apply(tf.data.experimental.assert_cardinality(len(rows)))
    if seed is None:
        return data.map(lambda p, t: (tf.cast(p, tf.float32), t)).batch(batch).prefetch(1)
    seeds = tf.data.Dataset.random(seed).batch(2)
    return tf.data.Dataset.zip(data, seeds).map(lambda pt, s: (_augmented(pt[0], s), pt[1])).batch(batch).prefetch(1)


def _augmented(picture: Any, seed: Any) -> Any:
    """A picture flipped, cropped and lit anew, as floats of 0 to 255."""
    side = picture.shape[0]
    x = tf.image.stateless_random_flip_left_right(tf.cast(picture, tf.float32), seed)
    cut = int(side * ZOOM)
    x = tf.image.resize(tf.image.stateless_random_crop(x, (cut, cut, 3), seed + 1), (side, side))
    x = tf.image.stateless_random_contrast(x, 1 - CONTRAST, 1 + CONTRAST, seed + 2)
    return tf.clip_by_value(tf.image.stateless_random_brightness(x, BRIGHTNESS, seed + 3), 0.0, 255.0)
