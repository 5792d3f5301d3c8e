"""The preset `graft`: categories by softmax regression, and, where lengths are wanted, lengths behind them.

The labels are noise around one mean a category, and noise is what a head overfits: regressing on them directly ended
10% (ridge) to 50% (a relu net) above the oracle on real photographs. So the head learns what the features do know, the
category, by cross-entropy, and answers with the categories' mean lengths weighted by their probabilities, which is
the least-squares answer. Where labels are real and vary within a category, a regression on what the means leave over is
added, if it helps on images that it has not learnt from; where they are drawn, the means are known, and the
probabilities are made surer, if that helps. Where the category itself is wanted, its probabilities are the answer.
"""

from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.config import HeadSettings
from regraft.heads.head import CATEGORY_LAYER
from regraft.heads.moments import Rows, Scale, ScaledRows, scale_of
from regraft.heads.smoothers import Regression
from regraft.heads.softmax import Softmax, fit_softmax
from regraft.heads.softmax_in_blocks import fit_softmax_in_blocks
from regraft.heads.temperature import with_temperature
from regraft.heads.training_data import TrainingData
from regraft.heads.within_category import is_significant, robust_means, within_category
from regraft.store.feature_rows import FeatureRows
from regraft.targets.labels import SyntheticLabels
from regraft.targets.oracle import oracle_answers
from regraft.targets.target import Target

# N images, D features, C categories
SCALE_LAYER = "scale"
MAX_PRODUCTS = 200_000_000
"""Products of a feature and a weight up to which the regression has all features in memory, and takes hundreds of small
steps: 9,765 images of 1,280 features. With more it takes few steps, and reads the features block by block in each."""
MIN_STANDARD_ERRORS = 3.0
"""What surer probabilities must lower the validation error by, in standard errors of that gain."""
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
    names = pd.Categorical(manifest["category"]).categories
    if synthetic.are_all_of(manifest.iloc[train]):  # within a category they are noise, which is in no picture
        means = oracle_answers(pd.DataFrame({"category": names}), synthetic.distributions)
        return _with_lengths(_classifier(scale, _surest(softmax, means, data)), means, None), softmax.history
    rows = np.sort(np.concatenate([train, validation]))
    label, own = manifest["label"].to_numpy(dtype=np.float64)[rows], category[rows]
    means = robust_means(label, own, data.categories)
    regression = within_category(data.x, rows, label - means[own])
    return _with_lengths(_classifier(scale, softmax), means, regression), softmax.history


def _fit_categories(data: TrainingData, settings: HeadSettings) -> Softmax:
    """The regression of the categories, in memory or block by block."""
    products = len(data.train) * data.x.shape[1] * max(data.categories, MIN_CATEGORIES)
    return fit_softmax(data, settings) if products <= MAX_PRODUCTS else fit_softmax_in_blocks(data, settings)


def _surest(softmax: Softmax, means: NDArray[np.float64], data: TrainingData) -> Softmax:
    """The regression with surer probabilities where that brings lengths clearly nearer to the categories' means."""
    surer = with_temperature(softmax, data)
    own = means[data.category[data.validation]]
    off, surer_off = (own - _lengths(each, means, data.x, data.validation) for each in (softmax, surer))
    return surer if is_significant(off**2 - surer_off**2, MIN_STANDARD_ERRORS) else softmax


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


def _with_lengths(classifier: Any, means: NDArray[np.float64], regression: Regression | None) -> Any:
    """The classifier with lengths behind it: the means (C,) weighted by the probabilities, and a regression added."""
    length = keras.layers.Dense(1, use_bias=False, name="length")
    output = length(classifier.output)
    length.set_weights([means.astype(np.float32)[:, None]])
    if regression is not None:
        x = classifier.get_layer(SCALE_LAYER)(classifier.input)
        output = keras.layers.Add(name="cm")([output, regression.output(x)])
    return keras.Model(classifier.input, output, name="head")
