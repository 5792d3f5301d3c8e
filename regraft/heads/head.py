"""The head: a small network from features to a length in cm, or to the category, trained on cached features.

The labels are noise around one mean a category, and noise is what a head overfits: regressing on them directly ended
10% (ridge) to 50% (a relu net) above the oracle on real photographs. So the head learns what the features do know, the
category, by cross-entropy, and answers with the categories' mean lengths weighted by their probabilities, which is
the least-squares answer. Where labels are real and vary within a category, a ridge regression on what is left over
joins in, if the validation split says that it helps. Where the category itself is wanted, its probabilities are the
answer.
"""

import json
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray

from regraft.config import HeadSettings
from regraft.errors import TrainingError, VersionError
from regraft.heads import softmax, tutorial
from regraft.targets.choice import target_of_kind
from regraft.targets.target import Answers, Target

# N images, D features, C categories
Features = NDArray[np.float32]
PARTS = {
    "Functional",
    "Sequential",
    "InputLayer",
    "Normalization",
    "Dense",
    "Add",
    "__tensor__",
    "__keras_tensor__",
    "__numpy__",
    "DTypePolicy",
    "L2",
    "Zeros",
    "GlorotUniform",
}
"""What a .keras file may name: what heads are made of."""
MODULES = {
    "keras",
    "keras.layers",
    "keras.src.models.functional",
    "keras.src.models.sequential",
    "keras.initializers",
    "keras.regularizers",
    "builtins",
}
RIDGES = (1e2, 1e3, 1e4, 1e5)
SURE = 3.0
"""The ridge joins in where it lowers the validation error by this many standard errors; less is chance, as with few
images one of several strengths always seems to help."""


@dataclass(frozen=True)
class Head:
    """A Keras model from (N, D) features to (N, 1) lengths in cm, or to (N, C) probabilities of categories."""

    model: Any
    target: Target
    """What its answers are."""

    def predict(self, features: Features) -> Answers:
        """Return lengths in cm, (N,) float64, or probabilities, (N, C) float64, of features (N, D)."""
        return self.target.from_network(np.asarray(self.model(tf.constant(features), training=False)))

    def to_bytes(self) -> bytes:
        """Return the model as the bytes of a .keras file."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "head.keras"
            self.model.save(path)
            return path.read_bytes()

    @classmethod
    def from_bytes(cls, data: bytes, target: Target) -> "Head":
        """Return the head of a .keras file that Regraft itself wrote. Raises VersionError where it is damaged.

        `target`: what its answers are, which the file does not tell.
        """
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "head.keras"
            path.write_bytes(data)
            try:
                _check_layers(path)
                return cls(keras.saving.load_model(path, compile=False, safe_mode=True), target)
            except VersionError:
                raise
            except Exception as error:  # zip, HDF5 and JSON readers raise anything
                raise VersionError(f"The head cannot be read: {error}"[:400]) from error


def _check_layers(path: Path) -> None:
    """Raise VersionError where a .keras file names anything to make but what heads are made of.

    Keras's own safe mode has been got around before: https://nvd.nist.gov/vuln/detail/CVE-2025-1550.
    """
    with zipfile.ZipFile(path) as told:
        todo: list[Any] = [json.loads(told.read("config.json"))]
    while todo:
        part = todo.pop()
        if isinstance(part, dict):
            made, module = part.get("class_name"), part.get("module")
            plain = module is None or str(module) in MODULES
            if made is not None and not (made in PARTS and plain):
                raise VersionError(f"The head is refused: {module}.{made} is not one of a head's parts.")
            todo += part.values()
        elif isinstance(part, list):
            todo += part


@dataclass(frozen=True)
class Trained:
    """A head and how it was trained."""

    head: Head
    history: dict[str, list[float]]
    """Loss and val_loss by epoch: cross-entropy of the category; of the tutorial's, cm squared by ten steps."""


def train(manifest: pd.DataFrame, features: Features, settings: HeadSettings, seed: int) -> Trained:
    """Return a head trained on the train split of `manifest`, whose rows `features` (N, D) follow.

    Stops early on the validation split. The same seed gives the same head, to the bit on one machine. Raises
    TrainingError where a loss is not a number.
    """
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    fits, chooses = ((manifest["split"] == split).to_numpy() for split in ("train", "validation"))
    target = target_of_kind(settings.target, manifest["category"].unique())
    match settings.preset:
        case "tutorial":
            model, history = tutorial.fit(features, manifest["label"].to_numpy(dtype=np.float64), fits, chooses)
        case "graft":
            model, history = _graft(manifest, features, fits, chooses, settings, target)
    if not all(np.isfinite(values).all() for values in history.values()):
        raise TrainingError("Training stopped: the loss is not a number. Try a smaller head.learning_rate.")
    return Trained(Head(model, target), history)


def _graft(
    manifest: pd.DataFrame,
    features: Features,
    fits: NDArray[np.bool_],
    chooses: NDArray[np.bool_],
    settings: HeadSettings,
    target: Target,
) -> tuple[Any, dict[str, list[float]]]:
    """The category by cross-entropy, then the lengths behind it, if wanted; the model and its loss curves."""
    categories = sorted(manifest["category"].unique())
    category = manifest["category"].map(categories.index).to_numpy()
    scale = _scale(features[fits])
    x = _scaled(features, scale)
    learnt = softmax.fit(x.astype(np.float32), category, fits, chooses, settings)
    classifier = _classifier(scale, learnt)
    if not target.regresses_lengths or not all(np.isfinite(values).all() for values in learnt.history.values()):
        return classifier, learnt.history
    label: NDArray[np.float64] = manifest["label"].to_numpy(dtype=np.float64)
    means = np.array([label[fits & (category == c)].mean() for c in range(len(categories))])
    left_over = label - learnt.probabilities(x.astype(np.float32)) @ means
    ridge = _ridge(x, left_over, fits, chooses)
    return _grafted(classifier, means, ridge, scale), learnt.history


@dataclass(frozen=True)
class _Scale:
    """Mean and variance of each feature over the train split."""

    mean: NDArray[np.float32]
    variance: NDArray[np.float32]


def _scale(features: Features) -> _Scale:
    variance = features.var(axis=0)
    return _Scale(features.mean(axis=0), np.maximum(variance, max(1e-6, 1e-3 * float(variance.mean()))))


def _scaled(features: Features, scale: _Scale) -> NDArray[np.float64]:
    return (features.astype(np.float64) - scale.mean) / np.sqrt(scale.variance)


def _classifier(scale: _Scale, learnt: softmax.Softmax) -> Any:
    """The regression as a Keras model, from features to the categories' probabilities."""
    features = keras.Input((len(scale.mean),), name="features")
    x = keras.layers.Normalization(mean=scale.mean, variance=scale.variance, name="scale")(features)
    dense = keras.layers.Dense(learnt.kernel.shape[1], activation="softmax", name="category")
    model = keras.Model(features, dense(x))
    dense.set_weights([learnt.kernel, learnt.bias])
    return model


def _ridge(
    x: NDArray[np.float64], left_over: NDArray[np.float64], fits: NDArray[np.bool_], chooses: NDArray[np.bool_]
) -> NDArray[np.float64] | None:
    """Weights (D,) of a ridge regression on what the categories leave over, or None where it does not help.

    Solved in the dual, (N, N) whatever D: https://doi.org/10.5555/645527.657464.
    """
    gram = x[fits] @ x[fits].T
    without = left_over[chooses] ** 2
    best, weights = float(np.mean(without)), None
    for strength in RIDGES:
        dual = np.linalg.solve(gram + strength * np.eye(len(gram)), left_over[fits])
        tried = x[fits].T @ dual
        squared = (left_over[chooses] - x[chooses] @ tried) ** 2
        error, gain = float(np.mean(squared)), without - squared
        sure = float(gain.mean()) > SURE * float(gain.std()) / np.sqrt(len(gain))
        if sure and error < best:
            best, weights = error, tried
    return weights


def _grafted(classifier: Any, means: NDArray[np.float64], ridge: NDArray[np.float64] | None, scale: _Scale) -> Any:
    """The classifier with the lengths behind it: one model from features to cm."""
    lengths = keras.layers.Dense(1, use_bias=False, name="length")
    output = lengths(classifier.output)
    lengths.set_weights([means.astype(np.float32)[:, None]])
    if ridge is not None:
        rest = keras.layers.Dense(1, use_bias=False, name="within_category")
        x = classifier.get_layer("scale")(classifier.input)
        output = keras.layers.Add(name="cm")([output, rest(x)])
        rest.set_weights([ridge.astype(np.float32)[:, None]])
    return keras.Model(classifier.input, output, name="head")
