"""Fine-tuning: the backbone's last blocks, or all of it, learn together with the head, from augmented pictures.

Batch norm stays in inference mode where pretrained weights are tuned (https://keras.io/guides/transfer_learning/);
from scratch it learns too. The result is another backbone, with a fingerprint and features of its own.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.backbones import device
from regraft.backbones.backbone import Backbone
from regraft.backbones.tuned_weights import tuned, weights_to_bytes
from regraft.config import TuneSettings
from regraft.errors import TrainingError
from regraft.heads.batches import picture_batches
from regraft.heads.determinism import make_deterministic
from regraft.heads.head import Head
from regraft.store.blobs import Blobs

BLOCK_NAME = re.compile(r"_?(?:conv\d+_)?blocks?[-_]?\d+[a-z]?(?=[-_])|conv\d+(?=_)")
"""How networks name the layers of a block: _blocks-15-..., block5_conv1, conv5_block3_..., block7a_..., conv5_1."""
PATIENCE_EPOCHS = 3
"""Epochs without a better validation loss before tuning stops."""


@dataclass(frozen=True)
class Tuned:
    """A backbone and a head that learnt together."""

    backbone: Backbone
    head: Head
    weights: bytes
    """The backbone's weights, as backbone.npz."""
    history: dict[str, list[float]]
    """tune_loss and tune_val_loss by epoch."""


def tune(
    manifest: pd.DataFrame,
    backbone: Backbone,
    head: Head,
    blobs: Blobs,
    settings: TuneSettings,
    seed: int,
    progress: Callable[[int], None],
) -> Tuned:
    """Return backbone and head after learning together on the train split, stopped early on the validation split.

    `manifest`: digest, category, split and label in cm of images, whose bytes are in `blobs`. The networks of
    `backbone` and `head` are changed in place. A head with a classifier learns the categories, by cross-entropy,
    another one the labels. `progress` is called with the number of steps since its last call; at the end with those
    that were not needed. The same seed gives the same result; see `make_deterministic`. Raises TrainingError where a
    loss is not a number.
    """
    make_deterministic(seed)
    _set_trainable(backbone.model, settings.blocks)
    classifier = head.classifier
    loss = "mse" if classifier is None else "sparse_categorical_crossentropy"
    joint = keras.Model(backbone.model.input, (classifier or head.model)(backbone.model.output))
    joint.compile(keras.optimizers.Adam(settings.learning_rate), loss)
    wanted = _wanted_outputs(manifest, is_classifier=classifier is not None)

    def batches(split: str, augmentation_seed: int | None) -> Any:
        rows = (manifest["split"] == split).to_numpy()
        digests = manifest.loc[rows, "digest"].tolist()
        return picture_batches(digests, wanted[rows], backbone, blobs, settings.batch, augmentation_seed)

    with device.single_precision():
        fitted = joint.fit(
            batches("train", seed),
            validation_data=batches("validation", None),
            epochs=settings.epochs,
            verbose=0,
            shuffle=False,
            callbacks=[
                keras.callbacks.EarlyStopping(monitor="val_loss", patience=PATIENCE_EPOCHS, restore_best_weights=True),
                keras.callbacks.TerminateOnNaN(),
                keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: progress(1)),
            ],
        )
    progress(_steps_per_epoch(manifest, settings) * (settings.epochs - len(fitted.epoch)))
    history = {f"tune_{name}": [float(x) for x in losses] for name, losses in fitted.history.items()}
    if not all(np.isfinite(losses).all() for losses in history.values()):
        raise TrainingError("Fine-tuning stopped: the loss is not a number. Try a smaller tune.learning_rate.")
    weights = weights_to_bytes(backbone)
    return Tuned(tuned(backbone, weights), head, weights, history)


def max_steps(manifest: pd.DataFrame, settings: TuneSettings) -> int:
    """Return how many steps fine-tuning takes if it is not stopped early."""
    return _steps_per_epoch(manifest, settings) * settings.epochs


def _steps_per_epoch(manifest: pd.DataFrame, settings: TuneSettings) -> int:
    return -(-int((manifest["split"] == "train").sum()) // settings.batch)


def _wanted_outputs(manifest: pd.DataFrame, is_classifier: bool) -> NDArray[np.float32]:
    """Each image's category, as its position among the sorted ones, or its label in cm: (N,)."""
    if not is_classifier:
        return manifest["label"].to_numpy(dtype=np.float32)
    categories = sorted(manifest["category"].unique())
    return manifest["category"].map(categories.index).to_numpy(dtype=np.float32)


def _set_trainable(network: Any, blocks: int | Literal["all"]) -> None:
    """Let the last blocks learn and nothing else; batch norm only where everything learns."""
    names: list[str] = []
    for layer in network.layers:
        if layer.weights and (name := _block(layer.name)) not in names:
            names.append(name)
    learning = set(names) if blocks == "all" else set(names[-int(blocks) :])
    for layer in network.layers:
        is_frozen_norm = isinstance(layer, keras.layers.BatchNormalization) and blocks != "all"
        layer.trainable = _block(layer.name) in learning and not is_frozen_norm


def _block(layer: str) -> str:
    """The block that a layer belongs to, or its own name."""
    match = BLOCK_NAME.match(layer)
    return match.group() if match else layer
