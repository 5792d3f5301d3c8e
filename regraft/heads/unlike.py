"""How far features lie from those that a head was trained on, which says whether a picture is unlike those of training.

Two distances are measured from some training images, whose features are taken with length 1: that to the 5th nearest
of them (https://proceedings.mlr.press/v162/sun22d.html), and that from the best mixture of all of them, which is the
predictive variance of a Gaussian process (http://gaussianprocess.org/gpml/, equation 2.26). Another animal is far from
its neighbours, and a drawing of the same animal from all mixtures of photographs; the greater distance counts.

Versions of earlier Regrafts have the first distance alone, or that from the plane of the training features:
https://doi.org/10.1109/CVPR52688.2022.00487.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.backbones.backbone import Features
from regraft.heads.moments import Rows, evenly
from regraft.store.feature_rows import FeatureRows

# N images, D features, R references, K directions
SIMILAR_SHARE = 0.99
"""The share of images that count as similar to those of training."""
NEAREST = 5
"""The distance is that to the reference that is so near, or to the farthest where there are fewer."""
MAX_REFERENCES = 1024
"""Training images that a picture is compared with; of more, so many that are evenly spread over them."""
MIN_REFERENCES = 256
MAX_REFERENCE_NUMBERS = 2_000_000
"""Features of references that are kept, down to MIN_REFERENCES images: 4 MB."""
MAX_IMAGES = 16_384
"""Images of training, and of validation, that say what distances are usual; of more, so many, evenly spread."""
USUAL_SHARE = 0.97
"""Distances count as multiples of that which so many training images have at most, both from the median."""
MIN_SPREAD = 1e-9
"""Of distances that are all the same."""
MIN_NORM = 1e-9
REFERENCES = "references"
"""The references' array in certainty.npz."""
Distances = NDArray[np.float64]
"""(N,)"""


class Distance(Protocol):
    """How far features lie from those of training."""

    def __call__(self, features: Features) -> Distances:
        """Return the distances, (N,), of features (N, D)."""

    def arrays(self) -> Mapping[str, NDArray[np.floating]]:
        """Return what it computes with, by the names in certainty.npz."""


@dataclass(frozen=True)
class References:
    """Training images that others are compared with."""

    directions: NDArray[np.float16]
    """(R, D) their features, of length 1."""

    def cosines(self, features: Features) -> Features:
        """Return the cosines, (N, R), between features, (N, D), and the references."""
        return _directions(features) @ self._directions.T

    def to_nearest(self, cosines: Features) -> Distances:
        """Return 1 less the cosine between each image and the NEAREST-th nearest of the references: 0 to 2."""
        rank = min(NEAREST, len(self.directions))
        return np.asarray(1 - np.partition(cosines, -rank, axis=1)[:, -rank], np.float64)

    def from_mixtures(self, cosines: Features) -> Distances:
        """Return the squared distance of each image from the mixture of references that is best, 0 to 1.

        A mixture's weights are penalised by their squares.
        """
        return np.asarray(1 - np.einsum("nr,nr->n", cosines @ self._inverse, cosines), np.float64)

    def left_out(self) -> tuple[Distances, Distances]:
        """Return both distances, (R,) each, of every reference from the others.

        From their mixtures: Gaussian Processes for Machine Learning, equation 5.12.
        """
        cosines = self._products.astype(np.float32)
        np.fill_diagonal(cosines, -1)
        return self.to_nearest(cosines), np.asarray(1 / np.diag(self._inverse) - self._penalty, np.float64)

    @cached_property
    def _directions(self) -> Features:
        return self.directions.astype(np.float32)

    @cached_property
    def _products(self) -> NDArray[np.float64]:
        return np.asarray(self._directions @ self._directions.T, np.float64)

    @cached_property
    def _penalty(self) -> float:
        """As much as the references vary in a direction on average: a covariance matrix shrunk by half."""
        count, width = self.directions.shape
        mean_cosine = (self._products.sum() - count) / max(1, count * (count - 1))
        return float(count * max(1 - mean_cosine, MIN_SPREAD) / width)

    @cached_property
    def _inverse(self) -> NDArray[np.float64]:
        return np.asarray(np.linalg.inv(self._products + self._penalty * np.eye(len(self.directions))), np.float64)


@dataclass(frozen=True)
class DistanceToNearest:
    """1 less the cosine between an image and the NEAREST-th nearest of the references: 0 to 2."""

    references: References

    def __call__(self, features: Features) -> Distances:
        """Return the distances, (N,), of features (N, D)."""
        return self.references.to_nearest(self.references.cosines(features))

    def arrays(self) -> Mapping[str, NDArray[np.floating]]:
        """Return the references, by their name in certainty.npz."""
        return {REFERENCES: self.references.directions}


@dataclass(frozen=True)
class GreaterDistance:
    """The greater of the distances to the nearest references and from their mixtures, as multiples of what is usual.

    0 for what is in the middle of the training images, 1 for what is farther than 97 of a hundred of them.
    """

    references: References
    medians: NDArray[np.float64]
    """(2,) of both distances."""
    spreads: NDArray[np.float64]
    """(2,) how much farther than the median USUAL_SHARE of the training images are at most."""

    @classmethod
    def of(cls, references: References) -> "GreaterDistance":
        """Return the distance from some references, of which each is compared with the others."""
        distances = np.stack(references.left_out(), axis=1)
        medians, usual = np.median(distances, axis=0), np.quantile(distances, USUAL_SHARE, axis=0)
        return cls(references, medians, np.maximum(usual - medians, MIN_SPREAD))

    def __call__(self, features: Features) -> Distances:
        """Return the distances, (N,), of features (N, D)."""
        cosines = self.references.cosines(features)
        return self._greater(self.references.to_nearest(cosines), self.references.from_mixtures(cosines))

    def left_out(self) -> Distances:
        """Return the distance, (R,), of every reference from the others."""
        return self._greater(*self.references.left_out())

    def arrays(self) -> Mapping[str, NDArray[np.floating]]:
        """Return the references and what distances are usual, by their names in certainty.npz."""
        return {REFERENCES: self.references.directions, "medians": self.medians, "spreads": self.spreads}

    def _greater(self, *distances: Distances) -> Distances:
        return np.asarray(((np.stack(distances, axis=1) - self.medians) / self.spreads).max(axis=1))


@dataclass(frozen=True)
class DistanceFromPlane:
    """How far an image lies from the plane of the training features, as a share of its distance from their mean."""

    centre: NDArray[np.float32]
    """(D,) mean of the training features."""
    directions: NDArray[np.float32]
    """(K, D) orthonormal directions in which they vary most."""

    def __call__(self, features: Features) -> Distances:
        """Return the distances, (N,) of 0 to 1, of features (N, D)."""
        centred = features - self.centre
        rest = centred - (centred @ self.directions.T) @ self.directions
        lengths = np.maximum(np.linalg.norm(centred, axis=1), MIN_NORM)
        return np.asarray(np.linalg.norm(rest, axis=1) / lengths, np.float64)

    def arrays(self) -> Mapping[str, NDArray[np.floating]]:
        """Return the plane, by its names in certainty.npz."""
        return {"centre": self.centre, "plane": self.directions}


def distance_of(arrays: Mapping[str, NDArray[np.floating]]) -> Distance:
    """Return the distance that computes with these arrays. Raises KeyError where they are none's."""
    if REFERENCES not in arrays:
        return DistanceFromPlane(arrays["centre"].astype(np.float32), arrays["plane"].astype(np.float32))
    directions = arrays[REFERENCES].astype(np.float16)
    is_left = directions.any(axis=1)  # the features of a picture that somebody had removed are 0
    references = References(directions[is_left] if is_left.any() else directions[:1])
    if "spreads" not in arrays:
        return DistanceToNearest(references)
    return GreaterDistance(references, arrays["medians"].astype(np.float64), arrays["spreads"].astype(np.float64))


def distance_from(features: FeatureRows, train: Rows, validation: Rows) -> tuple[GreaterDistance, float]:
    """Return the distance from images of the train split, and the largest one at which an image is similar to them.

    That distance comes from the train split too, each image being left out of the references: a hundred images are
    needed to say what one in a hundred exceeds. It is the one that, by its rank, the next image exceeds with a
    probability of nearest to 1 - SIMILAR_SHARE: https://doi.org/10.1561/2200000101.
    """
    rows = _references(train, features.shape[1])
    distance = GreaterDistance.of(References(_directions(features.read(rows)).astype(np.float16)))
    others = np.concatenate([np.setdiff1d(evenly(train, MAX_IMAGES), rows), evenly(validation, MAX_IMAGES)])
    usual = np.sort(np.concatenate([distance.left_out(), features.map_blocks(distance, others)]))
    rank = min(len(usual), round(SIMILAR_SHARE * (len(usual) + 1)))
    return distance, float(usual[rank - 1])


def reference_rows(split: "pd.Series[str]", width: int) -> Rows:
    """Return which of N images, by their splits, are references where each has so many features, (R,)."""
    return _references(np.flatnonzero(split == "train"), width)


def _references(train: Rows, width: int) -> Rows:
    return evenly(train, max(MIN_REFERENCES, min(MAX_REFERENCES, MAX_REFERENCE_NUMBERS // width)))


def _directions(features: Features) -> Features:
    """Features, (N, D), with length 1."""
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), MIN_NORM)
