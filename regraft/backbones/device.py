"""What TensorFlow computes on: the CPU, or a GPU. Choosing it holds for the whole process."""

import contextlib
from typing import Literal

import tensorflow as tf

from regraft.errors import ConfigError

Device = Literal["auto", "cpu", "gpu"]


def use(device: Device) -> None:
    """Choose what TensorFlow computes on in this process. Raises ConfigError where that cannot be had.

    Of a GPU's memory, TensorFlow takes what it needs, and not all of it: others may compute there too.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if device == "gpu" and not gpus:
        raise ConfigError(
            "device: gpu, but TensorFlow sees no GPU here. Install `pip install 'regraft[gpu]'` on a machine that has "
            "one, or write `device: auto`."
        )
    visible = [] if device == "cpu" else gpus
    if tf.config.get_visible_devices("GPU") != visible:
        try:
            tf.config.set_visible_devices(visible, "GPU")
        except RuntimeError as error:  # TensorFlow has computed something in this process already
            raise ConfigError(
                f"device: {device} cannot be chosen any more: this process has computed on another device. "
                "Start another process."
            ) from error
    for gpu in visible:
        with contextlib.suppress(RuntimeError):  # this process has computed on it before, and has its memory
            tf.config.experimental.set_memory_growth(gpu, True)


def on_gpu() -> bool:
    """Return whether TensorFlow computes on a GPU."""
    return bool(tf.config.get_visible_devices("GPU"))


def description() -> str:
    """Return the GPU's name, or "CPU"."""
    if not on_gpu():
        return "CPU"
    details = tf.config.experimental.get_device_details(tf.config.get_visible_devices("GPU")[0])
    return str(details.get("device_name", "GPU"))
