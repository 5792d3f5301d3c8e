"""Any network of keras.applications, with `imagenet` weights or a local weights file; features are its pooled map."""

import importlib
from pathlib import Path
from typing import Any

import keras
from keras import applications

from regraft.backbones import RANDOM, KerasBackbone
from regraft.backbones.checkpoints import check_digest
from regraft.backbones.hdf5 import check_hdf5
from regraft.backbones.squares import centre_crop
from regraft.errors import BackboneError, CheckpointError


def names() -> list[str]:
    """Return the names that `load` knows."""
    return sorted(name for name in dir(applications) if name[0].isupper())


def load(name: str, weights: str | None = None) -> KerasBackbone:
    """Return the backbone. Raises BackboneError where name or weights cannot be had."""
    if name not in names():
        raise BackboneError(
            f"There is no backbone {name!r}. Known: efficientnet-lite0, vgg16, and of keras.applications: "
            f"{', '.join(names())}."
        )
    make = getattr(applications, name)
    fingerprint = f"{name}-imagenet-crop"
    if weights == RANDOM:
        fingerprint = f"{name}-random-crop"
    elif weights is not None:
        fingerprint = f"{name}-{check_digest(Path(weights), None)[:8]}-crop"
    network = _network(name, make, weights)
    side = int(network.input_shape[1] or 224)
    pixels = keras.Input((side, side, 3), name="pixels")
    model = keras.Model(pixels, network(_preprocessing(make)(pixels)), name=name.lower())
    return KerasBackbone(name, f"{fingerprint}{side}", side, model, centre_crop)


def _network(name: str, make: Any, weights: str | None) -> Any:
    if weights == RANDOM:
        return make(include_top=False, weights=None, pooling="avg")
    if weights is not None:
        check_hdf5(Path(weights))
    try:
        return make(include_top=False, weights=weights or "imagenet", pooling="avg")
    except Exception as error:  # downloads and HDF5 raise anything
        if weights is not None:
            raise CheckpointError(f"{weights} does not fit {name} without its top: {error}"[:400]) from error
        raise BackboneError(
            f"The ImageNet weights of {name} cannot be fetched ({error}). Give a local file: backbone.weights"
        ) from error


def _preprocessing(make: Any) -> Any:
    """The preprocess_input of the module in keras.applications that a network lives in."""
    module = importlib.import_module(make.__module__)
    return module.preprocess_input
