"""Training gives the same head in every run: seeds, and TensorFlow operations that always sum in the same order."""

import keras
import tensorflow as tf


def make_deterministic(seed: int) -> None:
    """Seed Python, NumPy and TensorFlow, and let TensorFlow use only operations that always give the same result.

    Both hold for the whole process from now on. So training and tuning call this where they start, and nothing does on
    import: https://www.tensorflow.org/api_docs/python/tf/config/experimental/enable_op_determinism
    """
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
