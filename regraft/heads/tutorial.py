"""The tutorial's own recipe for a head: the preset `tutorial`, and what every version is measured against.

https://github.com/MorvanZhou/Tensorflow-Tutorial, 407_transfer_learning.py: Dense 256 relu, Dense 1, RMSProp 0.001,
mean squared error, 100 steps of 6 images. It regresses on the labels themselves, so it learns their noise.
"""

from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray

STEPS, BATCH = 100, 6
TOLD_EVERY = 10
"""Steps between two points of the loss curves."""


def fit(
    features: NDArray[np.float32], label: NDArray[np.float64], fits: NDArray[np.bool_], chooses: NDArray[np.bool_]
) -> tuple[Any, dict[str, list[float]]]:
    """Return the trained model, (N, D) features to (N, 1) cm, and its loss and val_loss in cm squared.

    `fits` and `chooses` tell which of the N rows are the train and the validation split.
    """
    model = keras.Sequential(
        [keras.Input(features.shape[1:], name="features"), keras.layers.Dense(256, "relu"), keras.layers.Dense(1)]
    )
    model.compile(keras.optimizers.RMSprop(0.001), "mse")
    rows = tf.data.Dataset.from_tensor_slices((features[fits], label[fits]))
    rows = rows.shuffle(int(fits.sum())).repeat().batch(BATCH)
    ran = model.fit(
        rows,
        epochs=STEPS // TOLD_EVERY,
        steps_per_epoch=TOLD_EVERY,
        verbose=0,
        shuffle=False,
        validation_data=(features[chooses], label[chooses]),
        validation_batch_size=256,
    )
    plain = keras.Model(model.inputs, model.outputs)  # without the optimizer, which nobody needs to save
    return plain, {name: [float(x) for x in values] for name, values in ran.history.items()}


def rival_lengths(manifest: pd.DataFrame, features: NDArray[np.float32], seed: int) -> NDArray[np.float64]:
    """Return the lengths in cm, (N,), that the tutorial's head predicts when trained on the manifest (split, label).

    `features` (N, D) follow the manifest's rows.
    """
    keras.utils.set_random_seed(seed)
    fits, chooses = ((manifest["split"] == split).to_numpy() for split in ("train", "validation"))
    model, _ = fit(features, manifest["label"].to_numpy(dtype=np.float64), fits, chooses)
    return np.asarray(model(tf.constant(features), training=False), dtype=np.float64).reshape(-1)
