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
    categories = sorted(manifest["category"].unique())
    category_index = pd.Index(categories).get_indexer(manifest["category"])
    scale = scale_of(features, train)
    x = ScaledRows(features, scale)
    products = len(train) * features.shape[1] * max(len(categories), MIN_CATEGORIES)
    fit_categories = fit_softmax if products <= MAX_PRODUCTS else fit_softmax_in_blocks
    softmax = fit_categories(x, category_index, train, validation, settings)
    if not target.regresses_lengths or not all(np.isfinite(losses).all() for losses in softmax.history.values()):
        return _classifier(scale, softmax), softmax.history
    label: NDArray[np.float64] = manifest["label"].to_numpy(dtype=np.float64)
    sums = np.bincount(category_index[train], label[train], minlength=len(categories))
    means = sums / np.bincount(category_index[train], minlength=len(categories))
    if synthetic.are_all_of(manifest.iloc[train]):  # within a category they are noise, which is in no picture
        surer = with_temperature(softmax, x, category_index, validation)
        best_lengths = means[category_index[validation]]  # of who knows the category and not the noise
        off, surer_off = (best_lengths - _lengths(each, means, x, validation) for each in (softmax, surer))
        best = surer if is_significant(off**2 - surer_off**2) else softmax
        return _with_lengths(_classifier(scale, best), means, None), softmax.history
    residuals = label - _lengths(softmax, means, x, np.arange(len(label)))
    within_category = ridge_weights(x, residuals, train, validation)
    return _with_lengths(_classifier(scale, softmax), means, within_category), softmax.history


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
