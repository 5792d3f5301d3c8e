"""What learns categories, each from all images but some folds of them, and from doubtful labels too.

The regression of `softmax` learns most from right labels. Shrunken discriminants suppose that all categories spread
alike, and so are led astray least by wrong ones: https://doi.org/10.1016/S0047-259X(03)00096-4.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.heads.principal import Indices, Principal, Values, Weights
from regraft.heads.softmax import regression

# K images, D features, C categories, R principal coordinates
FOLDS = 5
EVERY_FOLD = range(FOLDS)
MIN_SPREAD = 1e-9
MIN_SHARE = 1e-12
"""Of a category among the images: for the logarithm."""


@dataclass(frozen=True)
class FoldedImages:
    """K images in FOLDS parts, of which each has its share of every category.

    Near-duplicates share a part: an image is not left out where a picture that looks the same is learnt from.
    """

    images: Principal
    fold: Indices
    """(K,)"""
    products: Values
    """(FOLDS, R, R) sums of products of each fold's coordinates."""

    @classmethod
    def of(cls, images: Principal, cluster: Indices) -> "FoldedImages":
        """Return images with their folds; `cluster`, (K,): the numbers of their clusters of near-duplicates.

        With fewer clusters than folds, each image counts for itself: else nothing would be left to learn from.
        """
        order = np.argsort(images.index, kind="stable")
        places, clusters = pd.factorize(cluster[order])
        if len(clusters) < FOLDS:
            places = np.arange(len(order))
        fold = np.empty_like(images.index)
        fold[order] = places % FOLDS
        parts = (images.values[fold == number] for number in range(FOLDS))
        return cls(images, fold, np.stack([part.T @ part for part in parts]))

    def without(self, folds: Collection[int]) -> Indices:
        """Return the rows of the images that are in none of some folds."""
        return np.flatnonzero(~np.isin(self.fold, list(folds)))

    def products_without(self, folds: Collection[int]) -> Values:
        """Return the sums of products, (R, R), of the coordinates of the images that are in none of some folds."""
        return np.asarray(self.products[[number for number in range(FOLDS) if number not in folds]].sum(axis=0))


class Learner(Protocol):
    """What learns categories from images."""

    def weights(self, images: FoldedImages, targets: Values, left_out: Collection[int] = ()) -> Weights:
        """Return what is learnt from all images but those of some folds; `targets`, (K, C), are probabilities."""


@dataclass(frozen=True)
class SoftmaxRegression:
    """Softmax regression."""

    decay: float
    """Penalty on the squared weights."""
    steps: int
    """That are taken at most."""

    def weights(self, images: FoldedImages, targets: Values, left_out: Collection[int] = ()) -> Weights:
        """Return what is learnt from all images but those of some folds; `targets`, (K, C), are probabilities."""
        rows = images.without(left_out)
        return regression(images.images.rows(rows), targets[rows], self.decay, self.steps)


@dataclass(frozen=True)
class Discriminant:
    """Linear discriminants with a shrunken covariance; with a shrinkage of 1 those of the categories' means."""

    shrinkage: float
    """0 to 1."""

    def weights(self, images: FoldedImages, targets: Values, left_out: Collection[int] = ()) -> Weights:
        """Return what is learnt from all images but those of some folds; `targets`, (K, C), are probabilities."""
        rows = images.without(left_out)
        counts = targets[rows].sum(axis=0)
        means = (targets[rows].T @ images.images.values[rows]) / np.maximum(counts, MIN_SPREAD)[:, None]
        covariance = (images.products_without(left_out) - (means.T * counts) @ means) / max(1, len(rows))
        spread = max(float(np.trace(covariance)) / len(images.images.directions), MIN_SPREAD)
        covariance *= 1 - self.shrinkage
        covariance[np.diag_indices_from(covariance)] += self.shrinkage * spread
        kernel = np.linalg.solve(covariance, means.T)
        shares = np.maximum(counts / max(1, len(rows)), MIN_SHARE)
        return np.vstack([kernel, np.log(shares) - (means * kernel.T).sum(axis=1) / 2])


def left_out_scores(
    learner: Learner, images: FoldedImages, targets: Sequence[Values], folds: Sequence[int]
) -> NDArray[np.float32]:
    """Return the scores, (K, C), of each image of some folds by the images of all other folds than its own.

    `targets`, FOLDS of (N, C), are what is learnt of N images where each fold is left out.
    """
    scores = np.empty((len(images.fold), images.images.categories), np.float32)
    for number in np.intersect1d(folds, images.fold):
        is_out = images.fold == number
        weights = learner.weights(images, targets[number], (number,))
        scores[is_out] = images.images.rows(np.flatnonzero(is_out)).scores(weights)
    return scores[np.isin(images.fold, folds)]
