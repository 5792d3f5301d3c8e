"""The preset `graft`: categories by softmax regression, and, where lengths are wanted, lengths behind them.

The labels are noise around one mean a category, and noise is what a head overfits: regressing on them directly ended
10% (ridge) to 50% (a relu net) above the oracle on real photographs. So the head learns what the features do know, the
category, by cross-entropy, and answers with the categories' mean lengths weighted by their probabilities, which is
the least-squares answer. Where labels are real and vary within a category, a ridge regression on the residuals is
added, if the validation split shows that it helps. Where the category itself is wanted, its probabilities are the
answer.
"""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.backbones.backbone import Features
from regraft.config import HeadSettings
from regraft.heads.head import CATEGORY_LAYER
from regraft.heads.ridge import ridge_weights
from regraft.heads.softmax import Softmax, fit_softmax
from regraft.targets.target import Target

# N images, D features, C categories
SCALE_LAYER = "scale"
MIN_VARIANCE = 1e-6
MIN_VARIANCE_SHARE = 1e-3
"""Of the mean variance: features that vary by less are not scaled up to the others."""


def fit(
    manifest: pd.DataFrame, features: Features, target: Target, settings: HeadSettings
) -> tuple[Any, dict[str, list[float]]]:
    """Return the trained Keras model, from features (N, D) to the target's outputs, and its loss and val_loss by epoch.

    `manifest`: category, split and label in cm of N images, whose features follow its rows. A loss that is not a number
    ends training; the model is then not to be used.
    """
    is_train, is_validation = ((manifest["split"] == split).to_numpy() for split in ("train", "validation"))
    categories = sorted(manifest["category"].unique())
    category_index = manifest["category"].map(categories.index).to_numpy()
    scale = _scale(features[is_train])
    x = scale.apply(features)
    softmax = fit_softmax(x.astype(np.float32), category_index, is_train, is_validation, settings)
    classifier = _classifier(scale, softmax)
    if not target.regresses_lengths or not all(np.isfinite(losses).all() for losses in softmax.history.values()):
        return classifier, softmax.history
    label: NDArray[np.float64] = manifest["label"].to_numpy(dtype=np.float64)
    means = np.array([label[is_train & (category_index == c)].mean() for c in range(len(categories))])
    residuals = label - softmax.probabilities(x.astype(np.float32)) @ means
    within_category = ridge_weights(x, residuals, is_train, is_validation)
    return _with_lengths(classifier, means, within_category), softmax.history


@dataclass(frozen=True)
class _Scale:
    """Mean and variance of each feature over the train split, (D,)."""

    mean: NDArray[np.float32]
    variance: NDArray[np.float32]

    def apply(self, features: Features) -> NDArray[np.float64]:
        """Return features, (N, D), with mean 0 and variance 1."""
        return (features.astype(np.float64) - self.mean) / np.sqrt(self.variance)


def _scale(features: Features) -> _Scale:
    variance = features.var(axis=0)
    least = max(MIN_VARIANCE, MIN_VARIANCE_SHARE * float(variance.mean()))
    return _Scale(features.mean(axis=0), np.maximum(variance, least))


def _classifier(scale: _Scale, softmax: Softmax) -> Any:
    """The regression as a Keras model, from features to the categories' probabilities."""
    features = keras.Input((len(scale.mean),), name="features")
    x = keras.layers.Normalization(mean=scale.mean, variance=scale.variance, name=SCALE_LAYER)(features)
    dense = keras.layers.Dense(softmax.kernel.shape[1], activation="softmax", name=CATEGORY_LAYER)
    model = keras.Model(features, dense(x))
    dense.set_weights([softmax.kernel, softmax.bias])
    return model


def _with_lengths(classifier: Any, means: NDArray[np.float64], within_category: NDArray[np.float64] | None) -> Any:
    """The classifier with lengths behind it: the means (C,) weighted by the probabilities, and the ridge (D,) added."""
    length = keras.layers.Dense(1, use_bias=False, name="length")
    output = length(classifier.output)
    length.set_weights([means.astype(np.float32)[:, None]])
    if within_category is not None:
        ridge = keras.layers.Dense(1, use_bias=False, name="within_category")
        x = classifier.get_layer(SCALE_LAYER)(classifier.input)
        output = keras.layers.Add(name="cm")([output, ridge(x)])
        ridge.set_weights([within_category.astype(np.float32)[:, None]])
    return keras.Model(classifier.input, output, name="head")
