"""What TensorFlow computes on."""

import contextlib
from collections.abc import Iterator
from typing import Any, Literal

import tensorflow as tf

from regraft.errors import ConfigError

Device = Literal["auto", "cpu", "gpu"]
HALF_SINCE = (7, 0)
"""The compute capability from which on a GPU multiplies halves faster than singles."""


def use(device: Device) -> None:
    """Choose what TensorFlow computes on. Raises ConfigError where a GPU is asked for and none is seen.

    On a GPU that gains by it, TensorFlow's graphs run in mixed precision, but for `single_precision`:
    https://docs.nvidia.com/deeplearning/frameworks/tensorflow-user-guide/
    """
    found = tf.config.list_physical_devices("GPU")
    if device == "gpu" and not found:
        raise ConfigError(
            "device: gpu, but TensorFlow sees no GPU here. Install `pip install 'regraft[gpu]'` on a machine that has "
            "one, or write `device: auto`."
        )
    visible = [] if device == "cpu" else found
    if tf.config.get_visible_devices("GPU") != visible:
        try:
            tf.config.set_visible_devices(visible, "GPU")
        except RuntimeError as error:  # this process has computed on another device before
            raise ConfigError(f"device: {device} cannot be chosen any more in this process; start another.") from error
    _mix(precision() == "mixed_float16")


@contextlib.contextmanager
def single_precision() -> Iterator[None]:
    """Compute in float32 while the context lasts: gradients smaller than a half can hold would be lost in training."""
    mixed = bool(tf.config.optimizer.get_experimental_options().get("auto_mixed_precision", False))
    _mix(False)
    try:
        yield
    finally:
        _mix(mixed)


def on_gpu() -> bool:
    """Return whether TensorFlow computes on a GPU."""
    return bool(tf.config.get_visible_devices("GPU"))


def described() -> str:
    """Return the GPU's name as TensorFlow tells it and what it computes in, or "CPU"."""
    return f"{_details().get('device_name', 'GPU')}, {precision()}" if on_gpu() else "CPU"


def precision() -> str:
    """Return what features are computed in: float32, or mixed_float16 where that is faster."""
    return "mixed_float16" if on_gpu() and _details().get("compute_capability", (0, 0)) >= HALF_SINCE else "float32"


def _mix(mixed: bool) -> None:
    """Let TensorFlow's graphs run in mixed precision, or not."""
    tf.config.optimizer.set_experimental_options({"auto_mixed_precision": mixed})


def _details() -> dict[str, Any]:
    return dict(tf.config.experimental.get_device_details(tf.config.get_visible_devices("GPU")[0]))
