"""What TensorFlow computes on."""

import tensorflow as tf


def device() -> str:
    """Return the GPU's name as TensorFlow tells it, or "CPU"."""
    found = tf.config.list_physical_devices("GPU")
    if not found:
        return "CPU"
    return str(tf.config.experimental.get_device_details(found[0]).get("device_name", "GPU"))
