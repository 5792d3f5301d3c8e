"""How far features lie from those that a head was trained on, which says whether a picture is unlike those of training.

Features are taken with length 1, and the distance is that to the 5th nearest of some training images:
https://proceedings.mlr.press/v162/sun22d.html. Versions of earlier Regrafts have the distance from the plane of the
training features instead: https://doi.org/10.1109/CVPR52688.2022.00487.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
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
MIN_NORM = 1e-9
Distances = NDArray[np.float64]
"""(N,)"""


class Distance(Protocol):
    """How far features lie from those of training."""

    def __call__(self, features: Features) -> Distances:
        """Return the distances, (N,), of features (N, D)."""

    def arrays(self) -> Mapping[str, NDArray[np.floating]]:
        """Return what it computes with, by the names in certainty.npz."""


@dataclass(frozen=True)
class DistanceToReferences:
    """1 less the cosine between an image and the NEAREST-th nearest of the references: 0 to 2."""

    directions: NDArray[np.float16]
    """(R, D) features of the references, of length 1."""

    def __call__(self, features: Features) -> Distances:
        """Return the distances, (N,), of features (N, D)."""
        return self._distances(features, np.full(len(features), -1))

    def left_out(self, features: Features, own: NDArray[np.int64]) -> Distances:
        """Return the distances where an image is not compared with itself: `own`, (N,), is its position, or -1."""
        return self._distances(features, own)

    def arrays(self) -> Mapping[str, NDArray[np.floating]]:
        """Return the references, by their name in certainty.npz."""
        return {"references": self.directions}

    def _distances(self, features: Features, own: NDArray[np.int64]) -> Distances:
        cosines = _directions(features) @ self.directions.astype(np.float32).T
        is_reference = own >= 0
        cosines[is_reference, own[is_reference]] = -1
        rank = min(NEAREST, len(self.directions))
        return np.asarray(1 - np.partition(cosines, -rank, axis=1)[:, -rank], np.float64)


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
    if "references" in arrays:
        return DistanceToReferences(arrays["references"].astype(np.float16))
    return DistanceFromPlane(arrays["centre"].astype(np.float32), arrays["plane"].astype(np.float32))


def distance_from(features: FeatureRows, train: Rows, validation: Rows) -> tuple[DistanceToReferences, float]:
    """Return the distance from images of the train split, and the largest one at which an image is similar to them.

    That distance comes from the train split too, each image being left out of the references: a hundred images are
    needed to say what one in a hundred exceeds. It is the one that, by its rank, the next image exceeds with a
    probability of nearest to 1 - SIMILAR_SHARE: https://doi.org/10.1561/2200000101.
    """
    count = max(MIN_REFERENCES, min(MAX_REFERENCES, MAX_REFERENCE_NUMBERS // features.shape[1]))
    references = evenly(train, count)
    distance = DistanceToReferences(_directions(features.read(references)).astype(np.float16))
    position = np.full(len(features), -1)
    position[references] = np.arange(len(references))
    rows = np.concatenate([evenly(train, MAX_IMAGES), evenly(validation, MAX_IMAGES)])
    blocks = features.blocks(rows)
    usual = np.sort(np.concatenate([distance.left_out(block, position[part]) for part, block in blocks]))
    rank = min(len(usual), round(SIMILAR_SHARE * (len(usual) + 1)))
    return distance, float(usual[rank - 1])


def _directions(features: Features) -> Features:
    """Features, (N, D), with length 1."""
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), MIN_NORM)
