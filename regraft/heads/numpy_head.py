"""A head computed in NumPy, from its .keras file: without Keras, which takes seconds to import.

Heads are made of few layers (`keras_file.ALLOWED_CLASSES`), and these are a line of NumPy each.
"""

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regraft.backbones.backbone import Features
from regraft.backbones.keras_import import EPSILON
from regraft.heads.layers import CATEGORY_LAYER
from regraft.heads.moments import directions
from regraft.targets.target import Answers, Positions, Target

Arrays = NDArray[np.float32]
Layer = Callable[..., Arrays]
"""From its inputs, (N, D) each, to its output."""


class _Unknown(Exception):
    """The file holds something else than this module computes."""


@dataclass(frozen=True)
class NumpyHead:
    """A head that can only answer; it answers as the Keras model does, to the fifth digit."""

    layers: Mapping[str, tuple[Layer, tuple[str, ...]]]
    """By name each layer and the names of its inputs, an input before what it goes into."""
    inputs: str
    """The name of the layer that the features are."""
    output: str
    """The name of the layer whose output is the head's."""
    target: Target
    """What its answers are."""

    def predict(self, features: Features) -> Answers:
        """Return lengths in cm, (N,) float64, or probabilities, (N, C) float64, of features (N, D)."""
        return self.target.from_network(self._outputs(features)[self.output])

    def likeliest_categories(self, features: Features) -> Positions | None:
        """Return which category is the likeliest, (N,), by features (N, D); None where the head does not know."""
        return self._outputs(features)[CATEGORY_LAYER].argmax(axis=1) if CATEGORY_LAYER in self.layers else None

    def _outputs(self, features: Features) -> dict[str, Arrays]:
        """What each layer makes of the features, by its name."""
        outputs = {self.inputs: np.asarray(features, np.float32)}
        for name, (layer, inputs) in self.layers.items():
            outputs[name] = layer(*(outputs[source] for source in inputs))
        return outputs


def numpy_head(data: bytes, target: Target) -> NumpyHead | None:
    """Return the head in the bytes of a .keras file; None where NumPy does not know its layers, or it is damaged."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            config = json.loads(archive.read("config.json"))["config"]
            weights = _weights(archive.read("model.weights.h5"))
        [(inputs, *_)], [(output, *_)] = _references(config["input_layers"]), _references(config["output_layers"])
        layers = {
            layer["name"]: (_layer(layer, weights.get(layer["name"], [])), _inputs_of(layer))
            for layer in config["layers"]
            if layer["class_name"] != "InputLayer"
        }
        return NumpyHead(layers, inputs, output, target)
    except Exception:  # zip, HDF5 and JSON readers raise anything; Keras will say what is wrong
        return None


def _weights(data: bytes) -> dict[str, list[Arrays]]:
    """The arrays of each layer in a Keras weights file, by the layer's name, in their order."""
    import h5py

    weights: dict[str, list[Arrays]] = {}
    with h5py.File(io.BytesIO(data)) as file:
        for group in file["layers"].values():
            arrays = group["vars"]
            weights[arrays.attrs["name"]] = [np.asarray(arrays[str(i)], np.float32) for i in range(len(arrays))]
    return weights


def _references(layers: Any) -> list[Any]:
    """References to layers, [name, node, tensor] each; a single one may stand without a list around it."""
    return layers if isinstance(layers[0], list) else [layers]


def _inputs_of(layer: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of a layer's inputs. Raises _Unknown where it is called several times with different ones."""
    calls = {tuple(_tensors(node["args"])) for node in layer["inbound_nodes"]}
    if len(calls) != 1:
        raise _Unknown(layer["name"])
    return calls.pop()


def _tensors(part: Any) -> list[str]:
    """The names of the layers that tensors in a call's arguments come from, in their order."""
    if isinstance(part, list):
        return [name for item in part for name in _tensors(item)]
    return [part["config"]["keras_history"][0]]


def _layer(layer: Mapping[str, Any], weights: list[Arrays]) -> Layer:
    """What a layer computes. Raises _Unknown where it is none that a head is made of."""
    config = layer["config"]
    match layer["class_name"]:
        case "Normalization" if not config["invert"] and config["axis"] == [-1]:
            mean, variance = (np.asarray(config[name], np.float32) for name in ("mean", "variance"))
            scale = np.maximum(np.sqrt(variance), np.float32(EPSILON))
            return lambda x: (x - mean) / scale
        case "Dense":
            kernel, bias = weights[0], weights[1] if config["use_bias"] else np.float32(0)
            activation = _ACTIVATIONS[config["activation"]]
            return lambda x: activation(x @ kernel + bias)
        case "UnitNormalization" if config["axis"] == -1:
            return directions
        case "Add":
            return lambda *terms: np.sum(terms, axis=0, dtype=np.float32)
        case _:
            raise _Unknown(layer["class_name"])


def _softmax(x: Arrays) -> Arrays:
    exponentials = np.exp(x - x.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True), np.float32)


_ACTIVATIONS: dict[str, Callable[[Arrays], Arrays]] = {
    "exponential": np.exp,
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, np.float32(0)),
    "softmax": _softmax,
}
