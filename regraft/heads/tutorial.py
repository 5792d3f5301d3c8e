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

from regraft.backbones.backbone import Features
from regraft.heads.determinism import make_deterministic

STEPS, BATCH_SIZE = 100, 6
HIDDEN_UNITS = 256
LEARNING_RATE = 0.001
STEPS_PER_POINT = 10
"""Steps between two points of the loss curves."""
VALIDATION_BATCH_SIZE = 256


def fit(manifest: pd.DataFrame, features: Features) -> tuple[Any, dict[str, list[float]]]:
    """Return the trained Keras model, (N, D) features to (N, 1) cm, and its loss and val_loss in cm squared.

    `manifest`: split and label in cm of N images, whose features follow its rows. Call `make_deterministic` before.
    """
    is_train, is_validation = ((manifest["split"] == split).to_numpy() for split in ("train", "validation"))
    label = manifest["label"].to_numpy(dtype=np.float64)
    model = keras.Sequential(
        [
            keras.Input(features.shape[1:], name="features"),
            keras.layers.Dense(HIDDEN_UNITS, "relu"),
            keras.layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.RMSprop(LEARNING_RATE), "mse")
    rows = tf.data.Dataset.from_tensor_slices((features[is_train], label[is_train]))
    rows = rows.shuffle(int(is_train.sum())).repeat().batch(BATCH_SIZE)
    fitted = model.fit(
        rows,
        epochs=STEPS // STEPS_PER_POINT,
        steps_per_epoch=STEPS_PER_POINT,
        verbose=0,
        shuffle=False,
        validation_data=(features[is_validation], label[is_validation]),
        validation_batch_size=VALIDATION_BATCH_SIZE,
    )
    without_optimizer = keras.Model(model.inputs, model.outputs)  # its state would be saved with the head
    return without_optimizer, {name: [float(loss) for loss in losses] for name, losses in fitted.history.items()}


def rival_lengths(manifest: pd.DataFrame, features: Features, seed: int) -> NDArray[np.float64]:
    """Return the lengths in cm, (N,), that the tutorial's head answers when trained on a manifest (split, label).

    `features`, (N, D), follow the manifest's rows. The same seed gives the same lengths; see `make_deterministic`.
    """
    make_deterministic(seed)
    model, _ = fit(manifest, features)
    return np.asarray(model(tf.constant(features), training=False), dtype=np.float64).reshape(-1)
