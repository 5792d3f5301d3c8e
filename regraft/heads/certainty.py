"""How sure a model is: the intervals or sets of its predictions, and whether a picture is unlike those of training.

A picture is unlike the training's where its features lie farther from the plane of the training features than nearly
all validation images' do, https://doi.org/10.1109/CVPR52688.2022.00487.
"""

import io
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.errors import VersionError
from regraft.targets.calibration import Calibration
from regraft.targets.target import Answers, Target

USUAL = 0.99
"""The share of validation images that count as usual."""
PLANE = 64
"""Directions of the training features that are kept, at most."""


@dataclass(frozen=True)
class Certainty:
    """What is needed to tell; kept beside the head. D features, K directions."""

    calibration: Calibration
    """For the intervals of lengths, or the sets of categories."""
    centre: NDArray[np.float32]
    """(D,) mean of the training features."""
    plane: NDArray[np.float32]
    """(K, D) orthonormal directions in which they vary most."""
    usual: float
    """The largest distance from that plane that is still usual."""

    def unlike(self, features: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return which of N pictures, by their features (N, D), are unlike anything in training."""
        return _distance(features, self.centre, self.plane) > self.usual

    def to_bytes(self) -> bytes:
        """Return it as the bytes of an .npz file."""
        file = io.BytesIO()
        np.savez(
            file,
            means=self.calibration.means,
            half_widths=self.calibration.half_widths,
            centre=self.centre,
            plane=self.plane,
            usual=np.array(self.usual),
            least=np.array(self.calibration.min_probability),
        )
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Certainty":
        """Return what `to_bytes` wrote. Raises VersionError where it is damaged."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                least = float(arrays["least"]) if "least" in arrays else np.nan
                calibration = Calibration(arrays["means"], arrays["half_widths"], least)
                return cls(calibration, arrays["centre"], arrays["plane"], float(arrays["usual"]))
        except Exception as error:  # zip and npy readers raise anything
            raise VersionError(f"certainty.npz cannot be read: {error}"[:300]) from error


def certainty(manifest: pd.DataFrame, features: NDArray[np.float32], answers: Answers, target: Target) -> Certainty:
    """Return how sure the head's answers are. `features` (N, D) and `answers` follow the manifest's rows."""
    is_train, is_validation = ((manifest["split"] == split).to_numpy() for split in ("train", "validation"))
    centre = features[is_train].mean(axis=0)
    plane = _plane(features[is_train] - centre)
    usual = float(np.quantile(_distance(features[is_validation], centre, plane), USUAL))
    return Certainty(target.calibration(manifest, answers), centre, plane, usual)


def _plane(centred: NDArray[np.float32]) -> NDArray[np.float32]:
    """The directions of most variance: at most PLANE, and half as many as there are images or features."""
    kept = max(1, min(PLANE, len(centred) // 2, centred.shape[1] // 2))
    gram = centred.astype(np.float64) @ centred.T.astype(np.float64)
    values, vectors = np.linalg.eigh(gram)
    best = slice(-kept, None)
    scale = np.sqrt(np.maximum(values[best], 1e-12))
    return ((vectors[:, best] / scale).T @ centred).astype(np.float32)


def _distance(
    features: NDArray[np.float32], centre: NDArray[np.float32], plane: NDArray[np.float32]
) -> NDArray[np.float64]:
    """How far features (N, D) lie from the plane, as a share of their length: (N,), 0 to 1."""
    centred = features - centre
    rest = centred - (centred @ plane.T) @ plane
    return np.asarray(np.linalg.norm(rest, axis=1) / np.maximum(np.linalg.norm(centred, axis=1), 1e-9), np.float64)
