"""The head: a small network from a backbone's features to answers, lengths in cm or the categories' probabilities."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray

from regraft.backbones.backbone import Features
from regraft.heads.keras_file import network_from_bytes, network_to_bytes
from regraft.heads.layers import CATEGORY_LAYER
from regraft.store.feature_rows import FeatureRows
from regraft.targets.target import Answers, Positions, Target


@dataclass(frozen=True)
class Head:
    """A Keras model from (N, D) features to (N, 1) lengths in cm, or to (N, C) probabilities of categories."""

    model: Any
    target: Target
    """What its answers are."""

    def predict(self, features: Features) -> Answers:
        """Return lengths in cm, (N,) float64, or probabilities, (N, C) float64, of features (N, D)."""
        return self.target.from_network(np.asarray(self.model(tf.constant(features), training=False)))

    def likeliest_categories(self, features: Features) -> Positions | None:
        """Return which category is the likeliest, (N,), by features (N, D); None where the head does not know."""
        if self.classifier is None:
            return None
        return np.asarray(self.classifier(tf.constant(features), training=False)).argmax(axis=1)

    def predictions(self, rows: pd.DataFrame, features: FeatureRows, target: Target | None = None) -> pd.DataFrame:
        """Return `Target.predictions` of N images (category, and what errors need), whose features follow the rows.

        Its answers are made those of another, comparable `target` where there is one. Only a block of features and of
        answers is in memory at a time.
        """
        answered, order, tables = target or self.target, [], []
        for positions, block in features.stored_blocks():
            order.append(positions)
            answers = answered.aligned(self.predict(block), self.target)
            tables.append(answered.predictions(rows.iloc[positions], answers))
        return pd.concat(tables).iloc[np.argsort(np.concatenate(order))]

    @cached_property
    def classifier(self) -> Any | None:
        """The part from features to the categories' probabilities; None where there is none, as in the tutorial's.

        It shares its layers with the head: where it learns, the head does.
        """
        if all(layer.name != CATEGORY_LAYER for layer in self.model.layers):
            return None
        return keras.Model(self.model.input, self.model.get_layer(CATEGORY_LAYER).output)

    def to_bytes(self) -> bytes:
        """Return the network as the bytes of a .keras file."""
        return network_to_bytes(self.model)

    @classmethod
    def from_bytes(cls, data: bytes, target: Target) -> "Head":
        """Return the head of a .keras file that `to_bytes` wrote. Raises VersionError where it is damaged.

        `target`: what its answers are, which the file does not tell.
        """
        return cls(network_from_bytes(data), target)


@dataclass(frozen=True)
class Trained:
    """A head and how it was trained."""

    head: Head
    history: dict[str, list[float]]
    """Loss and val_loss by epoch: cross-entropy of the category; of the tutorial's, cm squared by ten steps."""
    left_out: NDArray[np.float64]
    """(N,) of each image what it would be answered by a head that has not learnt from it, NaN where that is not known:
    the length in cm, or the probability of its own category."""
