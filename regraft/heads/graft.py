"""The preset `graft`: categories by softmax regression, and, where lengths are wanted, lengths behind them.

The labels are noise around one mean a category, and noise is what a head overfits: regressing on them directly ended
10% (ridge) to 50% (a relu net) above the oracle on real photographs. So the head learns what the features do know, the
category, by cross-entropy, and answers with the categories' mean lengths weighted by their probabilities, which is
the least-squares answer. Where labels are real and vary within a category, a ridge regression on the residuals is
added, if the validation split shows that it helps; where they are drawn, the probabilities are made surer, if it shows
that. Where the category itself is wanted, its probabilities are the answer.
"""

from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.config import HeadSettings
from regraft.heads.head import CATEGORY_LAYER
from regraft.heads.moments import Rows, Scale, ScaledRows, scale_of
from regraft.heads.ridge import is_significant, ridge_weights
from regraft.heads.softmax import Softmax, fit_softmax
from regraft.heads.softmax_in_blocks import fit_softmax_in_blocks
from regraft.heads.temperature import with_temperature
from regraft.heads.training_data import TrainingData
from regraft.store.feature_rows import FeatureRows
from regraft.targets.labels import SyntheticLabels
from regraft.targets.target import Target

# N images, D features, C categories
SCALE_LAYER = "scale"
MAX_PRODUCTS = 200_000_000
"""Products of a feature and a weight up to which the regression has all features in memory, and takes hundreds of small
steps: 9,765 images of 1,280 features. With more it takes few steps, and reads the features block by block in each."""
MIN_CATEGORIES = 16
"""So many categories take as long as fewer do."""


def fit(
    manifest: pd.DataFrame, features: FeatureRows, target: Target, settings: HeadSettings, synthetic: SyntheticLabels
) -> tuple[Any, dict[str, list[float]]]:
    """Return the trained Keras model, from features (N, D) to the target's outputs, and its loss and val_loss by epoch.

    `manifest`: digest, category, split and label in cm of N images, whose features follow its rows. A loss that is not
    a number ends training; the model is then not to be used.
    """
    train, validation = (np.flatnonzero(manifest["split"] == split) for split in ("train", "validation"))
    category = pd.Categorical(manifest["category"]).codes.astype(np.int64)
    scale = scale_of(features, train)
    data = TrainingData(ScaledRows(features, scale), category, train, validation)
    softmax = _fit_categories(data, settings)
    if not target.regresses_lengths or not all(np.isfinite(losses).all() for losses in softmax.history.values()):
        return _classifier(scale, softmax), softmax.history
    label = manifest["label"].to_numpy(dtype=np.float64)
    sums = np.bincount(category[train], label[train], minlength=data.categories)
    means = sums / np.bincount(category[train], minlength=data.categories)
    if synthetic.are_all_of(manifest.iloc[train]):  # within a category they are noise, which is in no picture
        return _with_lengths(_classifier(scale, _surest(softmax, means, data)), means, None), softmax.history
    residuals = label - _lengths(softmax, means, data.x, np.arange(len(label)))
    return _with_lengths(_classifier(scale, softmax), means, ridge_weights(data, residuals)), softmax.history


def _fit_categories(data: TrainingData, settings: HeadSettings) -> Softmax:
    """The regression of the categories, in memory or block by block."""
    products = len(data.train) * data.x.shape[1] * max(data.categories, MIN_CATEGORIES)
    return fit_softmax(data, settings) if products <= MAX_PRODUCTS else fit_softmax_in_blocks(data, settings)


def _surest(softmax: Softmax, means: NDArray[np.float64], data: TrainingData) -> Softmax:
    """The regression with surer probabilities where that brings lengths clearly nearer to the categories' means."""
    surer = with_temperature(softmax, data)
    own = means[data.category[data.validation]]
    off, surer_off = (own - _lengths(each, means, data.x, data.validation) for each in (softmax, surer))
    return surer if is_significant(off**2 - surer_off**2) else softmax


def _lengths(softmax: Softmax, means: NDArray[np.float64], x: FeatureRows, rows: Rows) -> NDArray[np.float64]:
    """The means, (C,), weighted by the categories' probabilities, of some rows, (K,)."""
    return np.concatenate([softmax.probabilities(block) @ means for _, block in x.blocks(rows)])


def _classifier(scale: Scale, softmax: Softmax) -> Any:
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
