"""The tutorial's own way to train a head: the preset `tutorial`, and a rival that every version is measured against.

https://github.com/MorvanZhou/Tensorflow-Tutorial, 407_transfer_learning.py: Dense 256 relu, Dense 1, RMSProp 0.001,
mean squared error, 100 steps of 6 images. It regresses on the labels themselves, so it learns their noise.
"""

from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray

from regraft.heads.determinism import make_deterministic
from regraft.heads.moments import Rows, evenly
from regraft.store.feature_rows import FeatureRows

STEPS, BATCH_SIZE = 100, 6
HIDDEN_UNITS = 256
LEARNING_RATE = 0.001
STEPS_PER_POINT = 10
"""Steps between two points of the loss curves."""
VALIDATION_BATCH_SIZE = 256
MAX_VALIDATION_IMAGES = 4096
"""Validation images that the loss curve is drawn from; of more, so many that are evenly spread over them."""


def fit(manifest: pd.DataFrame, features: FeatureRows) -> tuple[Any, dict[str, list[float]]]:
    """Return the trained Keras model, (N, D) features to (N, 1) cm, and its loss and val_loss in cm squared.

    `manifest`: split and label in cm of N images, whose features follow its rows. Only the features of the images that
    its steps take are read. Call `make_deterministic` before.
    """
    train, validation = (np.flatnonzero(manifest["split"] == split) for split in ("train", "validation"))
    validation = evenly(validation, MAX_VALIDATION_IMAGES)
    label = manifest["label"].to_numpy(dtype=np.float64)
    model = keras.Sequential(
        [
            keras.Input(features.shape[1:], name="features"),
            keras.layers.Dense(HIDDEN_UNITS, "relu"),
            keras.layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.RMSprop(LEARNING_RATE), "mse")
    order = tf.data.Dataset.from_tensor_slices(train).shuffle(len(train)).repeat().take(STEPS * BATCH_SIZE)
    drawn = np.array(list(order.as_numpy_iterator()))
    batches = tf.data.Dataset.from_tensor_slices((features.read(drawn), label[drawn])).batch(BATCH_SIZE)
    fitted = model.fit(
        batches,
        epochs=STEPS // STEPS_PER_POINT,
        steps_per_epoch=STEPS_PER_POINT,
        verbose=0,
        shuffle=False,
        validation_data=(features.read(validation), label[validation]),
        validation_batch_size=VALIDATION_BATCH_SIZE,
    )
    without_optimizer = keras.Model(model.inputs, model.outputs)  # its state would be saved with the head
    return without_optimizer, {name: [float(loss) for loss in losses] for name, losses in fitted.history.items()}


def rival_lengths(manifest: pd.DataFrame, features: FeatureRows, rows: Rows, seed: int) -> NDArray[np.float64]:
    """Return the lengths in cm, (K,), that the tutorial's head, trained on a manifest (split, label), answers.

    `features`, (N, D), follow the manifest's rows; the lengths are those of `rows`, (K,). The same seed gives the same
    lengths; see `make_deterministic`.
    """
    make_deterministic(seed)
    model, _ = fit(manifest, features)
    lengths = features.map_blocks(lambda block: np.asarray(model(tf.constant(block), training=False)), rows)
    return lengths.reshape(-1).astype(np.float64)
