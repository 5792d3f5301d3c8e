"""VGG16's convolutions, the tutorial's backbone: https://arxiv.org/abs/1409.1556.

Weights come from a vgg16.npy ({layer: [kernel, bias]}, BGR, the tutorial's) or, where none is given, from Keras.
Features are the last 7 x 7 x 512 map, flattened: D = 25,088.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np

from regraft.backbones import RANDOM, KerasBackbone
from regraft.backbones.checkpoints import check_digest, check_shapes, read_npy_layers
from regraft.backbones.squares import centre_crop
from regraft.errors import BackboneError, CheckpointError

SIDE = 224
MEANS_BGR = (103.939, 116.779, 123.68)
STAGES = [(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)]


def load(weights: str | None = None) -> KerasBackbone:
    """Return the backbone. Raises CheckpointError where the weights are not this network's."""
    model = build()
    if weights == RANDOM:
        fingerprint = "vgg16-random-crop224"
    elif weights is None:
        _from_keras(model)
        fingerprint = "vgg16-imagenet-crop224"
    else:
        path = Path(weights)
        digest = check_digest(path, None)
        graft(model, path)
        fingerprint = f"vgg16-{digest[:8]}-crop224"
    return KerasBackbone("vgg16", fingerprint, SIDE, model, centre_crop)


def build() -> Any:
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


def graft(model: Any, path: Path) -> None:
    """Put the layers of a vgg16.npy into the network. Raises CheckpointError naming the layer that does not fit."""
    layers = read_npy_layers(path)
    convolutions = _convolutions(model)
    for layer in convolutions:
        if len(layers.get(layer.name, ())) != 2:
            raise CheckpointError(f"{path} has no {layer.name!r} as [kernel, bias]; it is made for another network.")
    arrays = {f"{layer.name}[{i}]": layers[layer.name][i] for layer in convolutions for i in (0, 1)}
    expected = {
        f"{layer.name}[{i}]": tuple(part.shape)
        for layer in convolutions
        for i, part in enumerate((layer.kernel, layer.bias))
    }
    check_shapes(path, arrays, expected)
    for name, array in arrays.items():
        if array.dtype.kind != "f" or not np.isfinite(array).all():
            raise CheckpointError(f"{path}: {name} holds values that are no numbers.")
    for layer in convolutions:
        layer.set_weights(layers[layer.name][:2])


def _from_keras(model: Any) -> None:
    try:
        source = keras.applications.VGG16(include_top=False, weights="imagenet", input_shape=(SIDE, SIDE, 3))
    except Exception as error:  # the download raises anything
        raise BackboneError(
            f"The ImageNet weights of vgg16 cannot be fetched ({error}). Give a local vgg16.npy: backbone.weights"
        ) from error
    theirs = [layer for layer in source.layers if isinstance(layer, keras.layers.Conv2D)]
    for ours, layer in zip(_convolutions(model), theirs, strict=True):
        ours.set_weights(layer.get_weights())


def _convolutions(model: Any) -> list[Any]:
    return [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
