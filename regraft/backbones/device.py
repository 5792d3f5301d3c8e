"""What TensorFlow computes on: the CPU, or a GPU. Choosing it holds for the whole process."""

import contextlib
from collections.abc import Iterator
from typing import Any, Literal

import tensorflow as tf

from regraft.errors import ConfigError

Device = Literal["auto", "cpu", "gpu"]
MIN_MIXED_CAPABILITY = (7, 0)
"""The compute capability from which on a GPU computes in float16 faster than in float32."""


def use(device: Device) -> None:
    """Choose what TensorFlow computes on in this process. Raises ConfigError where that cannot be had.

    On a GPU that is faster so, TensorFlow's graphs run in mixed precision, except in `single_precision`:
    https://docs.nvidia.com/deeplearning/frameworks/tensorflow-user-guide/
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
    _set_mixed_precision(precision() == "mixed_float16")


@contextlib.contextmanager
def single_precision() -> Iterator[None]:
    """Compute in float32 meanwhile: training would lose gradients that are too small for float16."""
    was_mixed = bool(tf.config.optimizer.get_experimental_options().get("auto_mixed_precision", False))
    _set_mixed_precision(False)
    try:
        yield
    finally:
        _set_mixed_precision(was_mixed)


def on_gpu() -> bool:
    """Return whether TensorFlow computes on a GPU."""
    return bool(tf.config.get_visible_devices("GPU"))


def description() -> str:
    """Return the GPU's name and the precision that features are computed in, or "CPU"."""
    return f"{_gpu_details().get('device_name', 'GPU')}, {precision()}" if on_gpu() else "CPU"


def precision() -> Literal["float32", "mixed_float16"]:
    """Return the precision that features are computed in: mixed_float16 where the GPU is faster so."""
    is_faster_mixed = on_gpu() and _gpu_details().get("compute_capability", (0, 0)) >= MIN_MIXED_CAPABILITY
    return "mixed_float16" if is_faster_mixed else "float32"


def _set_mixed_precision(is_mixed: bool) -> None:
    tf.config.optimizer.set_experimental_options({"auto_mixed_precision": is_mixed})


def _gpu_details() -> dict[str, Any]:
    return dict(tf.config.experimental.get_device_details(tf.config.get_visible_devices("GPU")[0]))
