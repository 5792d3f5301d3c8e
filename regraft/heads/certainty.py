"""How sure a model is: the intervals or sets of its predictions, and whether a picture is unlike those of training.

A picture is unlike those of training where its features lie farther from the plane of the training features than those
of nearly all validation images: https://doi.org/10.1109/CVPR52688.2022.00487.
"""

import io
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import eigh

from regraft.backbones.backbone import Features
from regraft.errors import VersionError
from regraft.heads.moments import Rows, evenly, mean_of
from regraft.store.feature_rows import FeatureRows
from regraft.targets.calibration import Calibration
from regraft.targets.target import Target

SIMILAR_SHARE = 0.99
"""The share of validation images that count as similar to those of training."""
MAX_DIRECTIONS = 64
"""Directions of the training features that are kept."""
MAX_IMAGES = 65_536
"""Training images that the plane is laid through; of more, so many that are evenly spread over them."""
MAX_IMAGES_OF_WIDE_FEATURES = 4096
"""The same, where there are more features than this: then products of images are summed, not of features."""
MIN_EIGENVALUE = 1e-12
MIN_NORM = 1e-9


@dataclass(frozen=True)
class Certainty:
    """What it takes to say how sure a model is, kept beside its head. D features, K directions."""

    calibration: Calibration
    """For the intervals of lengths, or the sets of categories."""
    centre: NDArray[np.float32]
    """(D,) mean of the training features."""
    directions: NDArray[np.float32]
    """(K, D) orthonormal directions in which they vary most: the plane that they lie near."""
    max_distance: float
    """The largest distance from that plane, 0 to 1, at which a picture still is similar to those of training."""

    def is_unlike_training(self, features: Features) -> NDArray[np.bool_]:
        """Return which of N pictures, by their features (N, D), are unlike anything in training."""
        return _distance(features, self.centre, self.directions) > self.max_distance

    def to_bytes(self) -> bytes:
        """Return this as the bytes of certainty.npz."""
        file = io.BytesIO()
        np.savez(
            file,
            means=self.calibration.means,
            half_widths=self.calibration.half_widths,
            centre=self.centre,
            plane=self.directions,
            usual=np.array(self.max_distance),
            least=np.array(self.calibration.min_probability),
        )
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Certainty":
        """Return what `to_bytes` wrote. Raises VersionError where it is damaged."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                min_probability = float(arrays["least"]) if "least" in arrays else np.nan
                calibration = Calibration(arrays["means"], arrays["half_widths"], min_probability)
                return cls(calibration, arrays["centre"], arrays["plane"], float(arrays["usual"]))
        except Exception as error:  # zip and npy readers raise anything
            raise VersionError(f"certainty.npz cannot be read: {error}"[:300]) from error


def certainty(predictions: pd.DataFrame, features: FeatureRows, target: Target) -> Certainty:
    """Return how sure a head is of its answers.

    `predictions`: category, split, label and what `Target.predictions` adds; `features`, (N, D), follow its rows.
    """
    train, validation = (np.flatnonzero(predictions["split"] == split) for split in ("train", "validation"))
    centre = mean_of(features, train).astype(np.float32)
    directions = _directions(features, train, centre)
    distances = [_distance(block, centre, directions) for _, block in features.blocks(validation)]
    max_distance = float(np.quantile(np.concatenate(distances), SIMILAR_SHARE))
    return Certainty(target.calibration(predictions), centre, directions, max_distance)


def _directions(features: FeatureRows, train: Rows, centre: NDArray[np.float32]) -> NDArray[np.float32]:
    """The directions of most variance: at most MAX_DIRECTIONS, and half as many as there are images or features.

    They are the eigenvectors of the sums of products of features, (D, D), or follow from those of the products of
    images, where images are fewer.
    """
    width = features.shape[1]
    is_wide = width > min(len(train), MAX_IMAGES_OF_WIDE_FEATURES)
    rows = evenly(train, MAX_IMAGES_OF_WIDE_FEATURES if is_wide else MAX_IMAGES)
    count = max(1, min(MAX_DIRECTIONS, len(rows) // 2, width // 2))
    if not is_wide:
        products = np.zeros((width, width))
        for _, block in features.blocks(rows):
            centred = (block - centre).astype(np.float64)
            products += centred.T @ centred
        return np.ascontiguousarray(_largest(products, count)[1].T, dtype=np.float32)
    centred = (features.read(rows) - centre).astype(np.float64)
    eigenvalues, eigenvectors = _largest(centred @ centred.T, count)
    scale = np.sqrt(np.maximum(eigenvalues, MIN_EIGENVALUE))
    return ((eigenvectors / scale).T @ centred).astype(np.float32)


def _largest(matrix: NDArray[np.float64], count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The largest eigenvalues of a symmetric matrix, (K,), and their eigenvectors, (:, K)."""
    size = len(matrix)
    return eigh(matrix, subset_by_index=[size - count, size - 1])


def _distance(features: Features, centre: NDArray[np.float32], directions: NDArray[np.float32]) -> NDArray[np.float64]:
    """How far features (N, D) lie from the plane, as a share of their length: (N,), 0 to 1."""
    centred = features - centre
    rest = centred - (centred @ directions.T) @ directions
    lengths = np.maximum(np.linalg.norm(centred, axis=1), MIN_NORM)
    return np.asarray(np.linalg.norm(rest, axis=1) / lengths, np.float64)
