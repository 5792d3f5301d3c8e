"""The preset `graft`: categories by softmax regression, and, where lengths are wanted, lengths behind them.

The labels are noise around one mean a category, and noise is what a head overfits: regressing on them directly ended
10% (ridge) to 50% (a relu net) above the oracle on real photographs. So the head learns what the features do know, the
category, by cross-entropy, and answers with the categories' mean lengths weighted by their probabilities, which is
the least-squares answer. Of few images the backbone's own classifier helps to tell the categories apart, see `metric`.
Where labels are real and vary within a category, a regression on what the means leave over is added, if it helps on
images that it has not learnt from; where they are drawn, the means are known. Where the category itself is wanted, its
probabilities are the answer.
"""

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.config import HeadSettings
from regraft.heads.cross_validation import LearntCategories, choice_of, fit_softmax, max_images
from regraft.heads.head import Head, Trained
from regraft.heads.layers import CATEGORY_LAYER
from regraft.heads.metric import MixedRows, metric_of
from regraft.heads.moments import Rows, Scale, ScaledRows, evenly, scale_of
from regraft.heads.smoothers import Regression
from regraft.heads.softmax import Softmax
from regraft.heads.softmax_in_blocks import fit_softmax_in_blocks
from regraft.heads.training_data import TrainingData
from regraft.heads.within_category import WithinCategory, learnt_rows, robust_means, within_category
from regraft.store.feature_rows import FeatureRows
from regraft.targets.labels import SyntheticLabels
from regraft.targets.oracle import oracle_answers
from regraft.targets.target import Target

# N images, D features, C categories
SCALE_LAYER = "scale"
MAX_PROBABILITIES = 20_000_000
"""Probabilities of images that are left out that are kept at most; of more, those of images that are evenly spread."""


def fit(
    manifest: pd.DataFrame,
    features: FeatureRows,
    target: Target,
    settings: HeadSettings,
    synthetic: SyntheticLabels,
    classifier: NDArray[np.float32] | None,
) -> Trained:
    """Return the trained head; its history has the losses by step.

    `manifest`: digest, category, cluster, split and label in cm of N images, whose features follow its rows.
    `classifier`: the backbone's, see `classifier_of`. A loss that is not a number ends training; the head is then not
    to be used.
    """
    train, validation = (np.flatnonzero(manifest["split"] == split) for split in ("train", "validation"))
    codes, clusters = pd.Categorical(manifest["category"]), pd.factorize(manifest["cluster"])[0]
    scale = scale_of(features, train)
    x = ScaledRows(features, scale)
    data = TrainingData(x, codes.codes.astype(np.int64), clusters, train, validation)
    known = _fit_categories(data, settings, None if classifier is None else scale.weights_of_scaled(classifier))
    network, history = _classifier(scale, known.softmax), known.softmax.history
    if not target.regresses_lengths:
        own = known.left_out[np.arange(len(known.rows)), data.category[known.rows]]
        return Trained(Head(network, target), history, _placed(own, known.rows, len(manifest)))
    means, within = _learnt_lengths(manifest, codes.categories, data, synthetic)
    left_out = _placed(known.left_out @ means, known.rows, len(manifest))
    if within is not None:
        left_out[learnt_rows(manifest["split"])] += within.left_out
    model = _with_lengths(network, means, within.regression if within else None)
    return Trained(Head(model, target), history, left_out)


def _learnt_lengths(
    manifest: pd.DataFrame, names: "pd.Index[str]", data: TrainingData, synthetic: SyntheticLabels
) -> tuple[NDArray[np.float64], WithinCategory | None]:
    """The mean length of each category, (C,) in cm, and the regression of what these leave over, where it helps."""
    if synthetic.are_all_of(manifest.iloc[data.train]):  # within a category they are noise, which is in no picture
        return oracle_answers(pd.DataFrame({"category": names}), synthetic.distributions), None
    rows = learnt_rows(manifest["split"])
    label, own_category = manifest["label"].to_numpy(dtype=np.float64)[rows], data.category[rows]
    means = robust_means(label, own_category, data.categories)
    return means, within_category(data.x, rows, label - means[own_category], data.cluster[rows])


def _placed(values: NDArray[np.float64], rows: Rows, count: int) -> NDArray[np.float64]:
    """The values, (K,), of some rows among all, (N,); NaN of the others."""
    placed = np.full(count, np.nan)
    placed[rows] = values
    return placed


def _fit_categories(
    data: TrainingData, settings: HeadSettings, classifier: NDArray[np.float32] | None
) -> LearntCategories:
    """The regression of the categories, in memory or block by block; then the validation images are left out of it.

    `classifier`: for scaled features. Of so many images that they are read in blocks, features alone say enough.
    """
    if len(data.train) + len(data.validation) <= max_images(data.x.shape[1]):
        if classifier is None:
            return fit_softmax(data, settings)
        metric = metric_of(data.x, data.train, classifier)
        known = fit_softmax(replace(data, x=MixedRows(data.x, metric)), settings)
        return replace(known, softmax=known.softmax.before(metric))
    choice = choice_of(data, settings)
    chosen = settings.model_copy(update={"weight_decay": choice.weight_decay})
    softmax = fit_softmax_in_blocks(data, chosen).times(choice.factor)
    rows = evenly(data.validation, max(1, MAX_PROBABILITIES // data.categories))
    return LearntCategories(softmax, rows, data.x.map_blocks(softmax.probabilities, rows))


def _classifier(scale: Scale, softmax: Softmax) -> Any:
    """The regression as a Keras model, from features to the categories' probabilities."""
    features = keras.Input((len(scale.mean),), name="features")
    x = keras.layers.Normalization(mean=scale.mean, variance=scale.squared_divisor, name=SCALE_LAYER)(features)
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
