"""Fine-tuning: the backbone's last blocks, or all of it, learn from pictures what the head is to answer.

They learn through a linear layer that starts with what it can know from the features so far, so that its first mistakes
do not spoil the backbone: https://arxiv.org/abs/2202.10054. The layer is thrown away; the head is trained on the tuned
features. Batch norm stays in inference mode where pretrained weights are tuned
(https://keras.io/guides/transfer_learning/); from scratch it learns too. The result is another backbone, with a
fingerprint and features of its own.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.backbones.backbone import Backbone
from regraft.backbones.tuned_weights import tuned, weights_to_bytes
from regraft.config import HeadSettings, TuneSettings
from regraft.errors import TrainingError
from regraft.heads.batches import Augmentation, picture_batches
from regraft.heads.determinism import make_deterministic
from regraft.heads.moments import ScaledRows, evenly, scale_of
from regraft.heads.softmax_in_blocks import fit_softmax_in_blocks
from regraft.heads.training_data import TrainingData
from regraft.store.blobs import Blobs
from regraft.store.feature_rows import FeatureRows

# N images, D features, C categories
Lesson = Literal["category", "length"]
"""What the backbone learns."""
BLOCK_NAME = re.compile(r"_?(?:conv\d+_)?blocks?[-_]?\d+[a-z]?(?=[-_])|conv\d+(?=_)")
"""How networks name the layers of a block: _blocks-15-..., block5_conv1, conv5_block3_..., block7a_..., conv5_1."""
PATIENCE_EPOCHS = 3
"""Epochs without a better validation loss before tuning stops."""
SCRATCH_MOMENTUM = 0.9
"""Of batch norm from scratch: Keras's 0.99 takes hundreds of steps to know the means that the network answers with."""
MAX_IMAGES = 2048
"""Training images that the linear layer's start is computed from; of more, so many that are evenly spread over them."""
PENALTY_PER_IMAGE = 10.0
"""Of the ridge regression that the linear layer starts with where lengths are learnt."""


@dataclass(frozen=True)
class Tuned:
    """A backbone that has learnt."""

    backbone: Backbone
    weights: bytes
    """The backbone's weights, as backbone.npz."""
    history: dict[str, list[float]]
    """tune_loss and tune_val_loss by epoch: cross-entropy, or Huber's loss in standard deviations of the lengths."""


def tune(
    manifest: pd.DataFrame,
    backbone: Backbone,
    features: FeatureRows | None,
    lesson: Lesson,
    blobs: Blobs,
    settings: TuneSettings,
    seed: int,
    progress: Callable[[int], None],
) -> Tuned:
    """Return the backbone after learning on the train split, stopped early on the validation split.

    `manifest`: digest, category, split and label in cm of N images, whose bytes are in `blobs`. `features`, (N, D):
    what the backbone made of them so far; None where it learns from scratch. Its network is changed in place.
    `progress` is called with the number of steps since its last call; at the end with those that were not needed. The
    same seed gives the same result; see `make_deterministic`. Raises TrainingError where a loss is not a number.
    """
    make_deterministic(seed)
    _set_trainable(backbone.model, settings.blocks, from_scratch=features is None)
    wanted = _wanted_outputs(manifest, lesson)
    joint = keras.Model(backbone.model.input, _outputs(backbone.model.output, manifest, features, wanted, lesson))
    loss = "sparse_categorical_crossentropy" if lesson == "category" else keras.losses.Huber()
    joint.compile(keras.optimizers.Adam(settings.learning_rate), loss, jit_compile=False)

    def batches(split: str, augmentation: Augmentation | None) -> Any:
        rows = (manifest["split"] == split).to_numpy()
        digests = manifest.loc[rows, "digest"].tolist()
        return picture_batches(digests, wanted[rows], backbone, blobs, settings.batch, augmentation)

    fitted = joint.fit(
        batches("train", Augmentation(seed, flips_only=lesson == "length")),
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
    return Tuned(tuned(backbone, weights), weights, history)


def max_steps(manifest: pd.DataFrame, settings: TuneSettings) -> int:
    """Return how many steps fine-tuning takes if it is not stopped early."""
    return _steps_per_epoch(manifest, settings) * settings.epochs


def _steps_per_epoch(manifest: pd.DataFrame, settings: TuneSettings) -> int:
    return -(-int((manifest["split"] == "train").sum()) // settings.batch)


def _wanted_outputs(manifest: pd.DataFrame, lesson: Lesson) -> NDArray[np.float32]:
    """Each image's category, as its position among the sorted ones, or its length in standard deviations: (N,)."""
    if lesson == "category":
        return pd.Categorical(manifest["category"]).codes.astype(np.float32)
    lengths = manifest["label"].to_numpy(dtype=np.float64)
    train = lengths[manifest["split"] == "train"]
    return np.asarray((lengths - train.mean()) / max(float(train.std()), 1e-9), np.float32)


def _outputs(
    output: Any, manifest: pd.DataFrame, features: FeatureRows | None, wanted: NDArray[np.float32], lesson: Lesson
) -> Any:
    """A linear layer behind the backbone's output, from features to probabilities or to a length."""
    is_category = lesson == "category"
    dense = keras.layers.Dense(int(wanted.max()) + 1 if is_category else 1, "softmax" if is_category else None)
    if features is None:
        return dense(output)
    train, validation = (np.flatnonzero(manifest["split"] == split) for split in ("train", "validation"))
    scale = scale_of(features, train)
    x = ScaledRows(features, scale)
    result = dense(keras.layers.Normalization(mean=scale.mean, variance=scale.squared_divisor)(output))
    if is_category:
        rows = evenly(train, MAX_IMAGES), evenly(validation, MAX_IMAGES)
        data = TrainingData(x, wanted.astype(np.int64), pd.factorize(manifest["cluster"])[0], *rows)
        softmax = fit_softmax_in_blocks(data, HeadSettings())
        dense.set_weights([softmax.kernel, softmax.bias])
    else:
        dense.set_weights([_ridge(x, wanted, evenly(train, MAX_IMAGES))[:, None], np.zeros(1)])
    return result


def _ridge(x: FeatureRows, wanted: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """The weights, (D,), of a ridge regression of what is wanted on the features of some rows."""
    block = x.read(rows).astype(np.float64)
    system = block @ block.T + PENALTY_PER_IMAGE * len(rows) * np.eye(len(rows))
    return np.asarray(block.T @ np.linalg.solve(system, wanted[rows]))


def _set_trainable(network: Any, blocks: int | Literal["all"], from_scratch: bool) -> None:
    """Let the last blocks learn and nothing else; batch norm only from scratch.

    A block is what has weights to learn, so a batch norm is none by itself. Layers in a network that is itself a layer
    count as if they were the network's own.
    """
    layers = list(_layers(network))
    names = list(dict.fromkeys(_block(layer.name) for layer in layers if layer.weights and not _is_norm(layer)))
    learning = set(names) if blocks == "all" else set(names[len(names) - int(blocks) :])
    for layer in layers:
        layer.trainable = from_scratch or (_block(layer.name) in learning and not _is_norm(layer))
        if from_scratch and _is_norm(layer):
            layer.momentum = SCRATCH_MOMENTUM


def _layers(network: Any) -> Iterator[Any]:
    """A network's layers that are no networks themselves, in their order."""
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        else:
            yield layer


def _is_norm(layer: Any) -> bool:
    """Whether a layer normalises: it has statistics, or weights that go with them."""
    return isinstance(layer, keras.layers.BatchNormalization | keras.layers.Normalization)


def _block(layer: str) -> str:
    """The block that a layer belongs to, or its own name."""
    match = BLOCK_NAME.match(layer)
    return match.group() if match else layer
