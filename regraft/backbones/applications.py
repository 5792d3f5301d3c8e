"""Any network of keras.applications, with `imagenet` weights or a local weights file; features are its pooled map."""

import importlib
from pathlib import Path
from typing import Any

import keras
from keras import applications

from regraft.backbones.backbone import Backbone
from regraft.backbones.checkpoints.hdf5 import check_hdf5
from regraft.backbones.weights import IMAGENET, RANDOM, SIDE, check_name, fingerprint, weights_source
from regraft.errors import BackboneError, CheckpointError


def load(name: str, weights: str | None = None) -> Backbone:
    """Return the backbone. Raises BackboneError where there is none of that name or its weights cannot be had."""
    check_name(name)
    source = weights_source(name, weights)
    constructor = getattr(applications, name)
    network = _network(name, constructor, weights)
    pixels = keras.Input((SIDE, SIDE, 3), name="pixels")
    model = keras.Model(pixels, network(_preprocessing(constructor)(pixels)), name=name.lower())
    return Backbone(name, fingerprint(name, source), SIDE, model)


def _network(name: str, constructor: Any, weights: str | None) -> Any:
    """The network without its classifier. Raises BackboneError where its weights cannot be had or do not fit."""
    if weights == RANDOM:
        return constructor(include_top=False, weights=None, pooling="avg")
    if weights is not None:
        check_hdf5(Path(weights))
    try:
        return constructor(include_top=False, weights=weights or IMAGENET, pooling="avg")
    except Exception as error:  # downloads and HDF5 raise anything
        if weights is not None:
            raise CheckpointError(f"{weights} does not fit {name} without its classifier: {error}"[:400]) from error
        raise BackboneError(
            f"The ImageNet weights of {name} cannot be downloaded ({error}). Give a local file: backbone.weights"
        ) from error


def _preprocessing(constructor: Any) -> Any:
    """The preprocess_input of the module in keras.applications that a network comes from."""
    return importlib.import_module(constructor.__module__).preprocess_input
