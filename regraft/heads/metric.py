"""Features measured by what they meant to the classifier that the backbone was pretrained with.

Some 200 pictures do not say which of a thousand features matter; the million pictures behind the backbone do. So two
pictures are as alike as their features are, and as the answers are that the classifier gives to them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regraft.backbones.backbone import Features
from regraft.heads.moments import Rows, scale_of
from regraft.store.feature_rows import FeatureRows

# N images, D features, K answers of the classifier
Metric = NDArray[np.float32]
"""(D, D) what features are multiplied by, so that their products count the classifier's answers too."""


@dataclass(frozen=True)
class MixedRows(FeatureRows):
    """Features that are mixed when they are read."""

    features: FeatureRows
    """(N, D)"""
    mixing: NDArray[np.float32]
    """(D, K)"""

    @property
    def shape(self) -> tuple[int, int]:
        """The number of images and of mixtures: (N, K)."""
        return len(self.features), self.mixing.shape[1]

    def read(self, rows: Rows) -> Features:
        """Return the mixtures of some rows."""
        return self.features.read(rows) @ self.mixing


def metric_of(x: FeatureRows, rows: Rows, classifier: NDArray[np.float32]) -> Metric:
    """Return the metric in which scaled features, (N, D), and the classifier's answers to them count alike.

    `rows`: whose answers' scale is taken, (K,). `classifier`: (D, K) its weights for scaled features. With answers
    x A, scaled as features are, the products of images are x (I + A A') x', of which this is the Cholesky factor.
    """
    answers = classifier / np.sqrt(scale_of(MixedRows(x, classifier), rows).squared_divisor)
    return np.linalg.cholesky(np.eye(len(answers)) + (answers @ answers.T)).astype(np.float32)
