"""Keras imported as Regraft needs it, whatever the environment and keras.json say about other projects."""

import os
import sys

from regraft.errors import BackboneError

ENVIRONMENT_LIMITS = ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH")
"""Variables that cut every training short."""
EPSILON = 1e-7
"""Keras's own default."""


def import_keras() -> None:
    """Import Keras so that it computes with TensorFlow, in float32 and with channels last, in this process.

    On a GPU too: by itself TensorFlow computes float32 there with 10 of its 23 bits, and a picture's features would
    depend on where they are computed; see docs/decisions/a-gpu-computes-in-float32.md.

    Raises BackboneError where this process has imported it with another backend, or where it cannot be imported.
    """
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "tensorflow"
        for name in ENVIRONMENT_LIMITS:
            os.environ.pop(name, None)
    try:
        from keras import config
    except (ImportError, ValueError, AttributeError) as error:
        raise BackboneError(f"Keras cannot be imported ({error}). Look at keras.json in its folder.") from error
    if config.backend() != "tensorflow":
        raise BackboneError(
            f"Keras computes with {config.backend()} in this process, and Regraft needs TensorFlow. Set "
            "KERAS_BACKEND=tensorflow before Keras is imported, or start another process."
        )
    import tensorflow as tf

    tf.config.experimental.enable_tensor_float_32_execution(False)
    config.set_floatx("float32")
    config.set_epsilon(EPSILON)
    config.set_image_data_format("channels_last")
