"""How far features lie from those that a head was trained on, which says whether a picture is unlike those of training.

A Gaussian process knows its values at some training images, the references. How unsure it is of a picture's value, its
predictive variance, is the distance: http://gaussianprocess.org/gpml/, equation 2.26. A picture may be like one
reference or somewhat like several. References that are like each other count little more than once.

Versions of the first Regrafts have the distance from the plane of the training features instead:
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
from regraft.heads.moments import Rows, directions, evenly
from regraft.store.feature_rows import FeatureRows

# N images, D features, R references, K directions
SIMILAR_SHARE = 0.99
"""The share of images that count as similar to those of training."""
MAX_REFERENCES = 1024
"""Training images that a picture is compared with; of more, so many that are evenly spread over them."""
MIN_REFERENCES = 256
MAX_REFERENCE_NUMBERS = 2_000_000
"""Features of references that are kept, down to MIN_REFERENCES images: 4 MB."""
MAX_IMAGES = 16_384
"""Images of training, and of validation, that say what distances are usual; of more, so many, evenly spread."""
NOISE = 0.01
"""Variance of the process's values that says nothing of other pictures, where the rest has variance 1."""
MIN_WIDTH = 1e-3
"""Of the kernel, where all references are the same."""
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
class DistanceFromReferences:
    """The variance of a Gaussian process that knows its values at the references: 0, for what is like them, to 1."""

    references: NDArray[np.float16]
    """(R, D) their features, of length 1."""
    width: float
    """1 less the cosine by which the kernel falls to 1 / e."""

    @classmethod
    def of(cls, references: NDArray[np.float16]) -> "DistanceFromReferences":
        """Return the distance from references, with a kernel as wide as the median of what lies between two of them.

        That is the usual rule: https://doi.org/10.48550/arXiv.1707.07269.
        """
        between = 1 - _cosines(references.astype(np.float32), references)[np.triu_indices(len(references), 1)]
        return cls(references, max(float(np.median(between)) if len(between) else 0.0, MIN_WIDTH))

    def __call__(self, features: Features) -> Distances:
        """Return the distances, (N,), of features (N, D)."""
        similar = self._similarities(features)
        return np.asarray(1 - np.einsum("nr,nr->n", similar @ self._inverse, similar))

    def left_out(self) -> Distances:
        """Return the distance, (R,), of every reference from the others: equation 5.12."""
        return np.asarray(1 / np.diag(self._inverse) - NOISE)

    def arrays(self) -> Mapping[str, NDArray[np.floating]]:
        """Return the references and the kernel's width, by their names in certainty.npz."""
        return {REFERENCES: self.references, "width": np.array(self.width)}

    def _similarities(self, features: Features) -> NDArray[np.float64]:
        """The kernel, (N, R), between images and the references: 1 where they are the same."""
        return np.exp((_cosines(features, self.references) - 1.0) / self.width)

    @cached_property
    def _inverse(self) -> NDArray[np.float64]:
        known = self._similarities(self.references.astype(np.float32))
        return np.asarray(np.linalg.inv(known + NOISE * np.eye(len(known))))


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


def distance_in(arrays: Mapping[str, NDArray[np.floating]]) -> tuple[Distance, float]:
    """Return the distance that certainty.npz holds, and the largest one of similar images; see `distance_from`.

    References of earlier Regrafts, which measured from them in other ways, say themselves what is usual. Raises
    KeyError where these arrays are no distance's.
    """
    if REFERENCES not in arrays:
        plane = DistanceFromPlane(arrays["centre"].astype(np.float32), arrays["plane"].astype(np.float32))
        return plane, float(arrays["usual"])
    references = arrays[REFERENCES].astype(np.float16)
    is_left = references.any(axis=1)  # the features of a picture that somebody had removed are 0
    left = references[is_left] if is_left.any() else references[:1]
    if "width" in arrays:
        return DistanceFromReferences(left, float(arrays["width"])), float(arrays["usual"])
    distance = DistanceFromReferences.of(left)
    return distance, _largest_similar(distance.left_out())


def distance_from(features: FeatureRows, train: Rows, validation: Rows) -> tuple[DistanceFromReferences, float]:
    """Return the distance from images of the train split, and the largest one at which an image is similar to them.

    That one comes from the train split too, each image being left out of the references: a hundred images are needed
    to say what one in a hundred exceeds.
    """
    rows = _references(train, features.shape[1])
    distance = DistanceFromReferences.of(directions(features.read(rows)).astype(np.float16))
    others = np.concatenate([np.setdiff1d(evenly(train, MAX_IMAGES), rows), evenly(validation, MAX_IMAGES)])
    left_out = [distance.left_out(), features.map_blocks(distance, others)]
    return distance, _largest_similar(np.concatenate(left_out))


def reference_rows(split: "pd.Series[str]", width: int) -> Rows:
    """Return which of N images, by their splits, are references where each has so many features, (R,)."""
    return _references(np.flatnonzero(split == "train"), width)


def _largest_similar(usual: Distances) -> float:
    """The distance that, by its rank, the next image exceeds with a probability of nearest to 1 - SIMILAR_SHARE.

    `usual`, (N,): those of images that are similar. Conformal prediction: https://doi.org/10.1561/2200000101.
    """
    rank = min(len(usual), round(SIMILAR_SHARE * (len(usual) + 1)))
    return float(np.sort(usual)[rank - 1])


def _references(train: Rows, width: int) -> Rows:
    return evenly(train, max(MIN_REFERENCES, min(MAX_REFERENCES, MAX_REFERENCE_NUMBERS // width)))


def _cosines(features: Features, references: NDArray[np.float16]) -> Features:
    """The cosines, (N, R), between features, (N, D), and the directions of references, (R, D)."""
    return directions(features) @ references.astype(np.float32).T
