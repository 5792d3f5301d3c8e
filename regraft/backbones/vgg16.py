"""VGG16's convolutions, the tutorial's backbone: https://arxiv.org/abs/1409.1556.

Weights come from a vgg16.npy, {layer: [kernel, bias]} for BGR pictures as in the tutorial, or else from Keras.
Features are the last map of 7 x 7 x 512, flattened: D = 25,088.
"""

from pathlib import Path
from typing import Any

import keras

from regraft.backbones.backbone import Backbone
from regraft.backbones.checkpoints.checks import check_finite, check_shapes
from regraft.backbones.checkpoints.npy import read_npy_layers
from regraft.backbones.weights import RANDOM, SIDE, VGG16, fingerprint, weights_source
from regraft.errors import BackboneError, CheckpointError

NAME = VGG16
MEANS_BGR = (103.939, 116.779, 123.68)
"""Of ImageNet's pictures, 0 to 255."""
STAGES = [(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)]
"""Convolutions and channels of each stage."""


def load(weights: str | None = None) -> Backbone:
    """Return the backbone. Raises CheckpointError where the weights are not this network's.

    Raises BackboneError where no weights are given and Keras's own cannot be downloaded.
    """
    source = weights_source(NAME, weights)
    model = network()
    if weights is None:
        _set_keras_weights(model)
    elif weights != RANDOM:
        set_npy_weights(model, Path(weights))
    return Backbone(NAME, fingerprint(NAME, source), SIDE, model)


def network() -> Any:
    """Return the convolutions: (N, 224, 224, 3) RGB floats of 0 to 255 to (N, 25088)."""
    pixels = keras.Input((SIDE, SIDE, 3), name="pixels")
    bgr = pixels[..., ::-1]
    x = keras.layers.Normalization(mean=MEANS_BGR, variance=[1.0, 1.0, 1.0], name="preprocess")(bgr)
    for stage, (repeats, channels) in enumerate(STAGES, 1):
        for repeat in range(1, repeats + 1):
            name = f"conv{stage}_{repeat}"
            x = keras.layers.Conv2D(channels, 3, padding="same", activation="relu", name=name)(x)
        x = keras.layers.MaxPooling2D(name=f"pool{stage}")(x)
    return keras.Model(pixels, keras.layers.Flatten(name="features")(x), name="vgg16")


def set_npy_weights(model: Any, path: Path) -> None:
    """Give the network the weights of a vgg16.npy. Raises CheckpointError, naming the layer that does not fit."""
    layers = read_npy_layers(path)
    convolutions = _convolutions(model)
    for layer in convolutions:
        if len(layers.get(layer.name, ())) != 2:
            raise CheckpointError(f"{path} has no {layer.name!r} as [kernel, bias]; it is made for another network.")
    arrays = {f"{layer.name}[{i}]": layers[layer.name][i] for layer in convolutions for i in (0, 1)}
    shapes = {
        f"{layer.name}[{i}]": tuple(part.shape)
        for layer in convolutions
        for i, part in enumerate((layer.kernel, layer.bias))
    }
    check_shapes(path, arrays, shapes)
    check_finite(path, arrays)
    for layer in convolutions:
        layer.set_weights(layers[layer.name])


def _set_keras_weights(model: Any) -> None:
    try:
        source = keras.applications.VGG16(include_top=False, weights="imagenet", input_shape=(SIDE, SIDE, 3))
    except Exception as error:  # the download raises anything
        raise BackboneError(
            f"The ImageNet weights of vgg16 cannot be downloaded ({error}). Give a local vgg16.npy: backbone.weights"
        ) from error
    for ours, theirs in zip(_convolutions(model), _convolutions(source), strict=True):
        ours.set_weights(theirs.get_weights())


def _convolutions(model: Any) -> list[Any]:
    return [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
