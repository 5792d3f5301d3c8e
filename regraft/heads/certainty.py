"""How sure a prediction is: its interval, and whether its picture is unlike anything in training.

The interval is split conformal: the error that so large a share of the validation images kept to, among those that
were predicted to be of the same category, https://doi.org/10.1561/2200000101. Where categories are named, it is a set:
those that are as probable as the own one of so large a share of the validation images.

A picture is unlike the training's where its features lie farther from the plane of the training features than nearly
all validation images' do, https://doi.org/10.1109/CVPR52688.2022.00487.
"""

import io
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.errors import VersionError
from regraft.heads import answers
from regraft.heads.answers import Answers, Named

LEVEL = 0.9
"""The share of lengths that their intervals hold, and of categories that their sets hold."""
USUAL = 0.99
"""The share of validation images that count as usual."""
PLANE = 64
"""Directions of the training features that are kept, at most."""


@dataclass(frozen=True)
class Certainty:
    """What is needed to tell; kept beside the head. C categories, D features, K directions."""

    means: NDArray[np.float64]
    """(C,) mean length in cm of each category's training images; none where categories are named."""
    half_widths: NDArray[np.float64]
    """(C,) half of the interval of a prediction nearest to that mean, in cm."""
    centre: NDArray[np.float32]
    """(D,) mean of the training features."""
    plane: NDArray[np.float32]
    """(K, D) orthonormal directions in which they vary most."""
    usual: float
    """The largest distance from that plane that is still usual."""
    least: float = math.nan
    """Where categories are named, the probability, 0 to 1, from which on one is possible; below 0: all of them are."""

    def possible(self, probabilities: Answers) -> NDArray[np.bool_]:
        """Return which categories are possible, (N, C), by their probabilities (N, C); the likeliest always is."""
        likeliest = probabilities == probabilities.max(axis=1, keepdims=True)
        return np.asarray((probabilities >= self.least) | likeliest)

    def interval(self, lengths: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the ends, in cm, of the intervals of N predictions (N,); inf where validation images were too few."""
        nearest = np.abs(lengths[:, None] - self.means).argmin(axis=1)
        return lengths - self.half_widths[nearest], lengths + self.half_widths[nearest]

    def unlike(self, features: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return which of N pictures, by their features (N, D), are unlike anything in training."""
        return _distance(features, self.centre, self.plane) > self.usual

    def to_bytes(self) -> bytes:
        """Return it as the bytes of an .npz file."""
        file = io.BytesIO()
        np.savez(
            file,
            means=self.means,
            half_widths=self.half_widths,
            centre=self.centre,
            plane=self.plane,
            usual=np.array(self.usual),
            least=np.array(self.least),
        )
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Certainty":
        """Return what `to_bytes` wrote. Raises VersionError where it is damaged."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as told:
                plain = {name: told[name] for name in ("means", "half_widths", "centre", "plane")}
                least = float(told["least"]) if "least" in told else math.nan
                return cls(**plain, usual=float(told["usual"]), least=least)
        except Exception as error:  # zip and npy readers raise anything
            raise VersionError(f"certainty.npz cannot be read: {error}"[:300]) from error


def certainty(
    manifest: pd.DataFrame, features: NDArray[np.float32], predicted: Answers, named: Named = ()
) -> Certainty:
    """Return how sure the head's predictions are. `features` (N, D) and `predicted` follow the manifest's rows."""
    train, validation = ((manifest["split"] == split).to_numpy() for split in ("train", "validation"))
    means, half_widths, least = np.zeros(0), np.zeros(0), math.nan
    if named:
        own = (answers.truth(manifest, named) * predicted).sum(axis=1)
        least = 1 - _reached(1 - own[validation])
    else:
        means = manifest[train].groupby("category")["label"].mean().to_numpy(dtype=np.float64)
        half_widths = _half_widths(manifest[validation], predicted[validation], means)
    centre = features[train].mean(axis=0)
    plane = _plane(features[train] - centre)
    usual = float(np.quantile(_distance(features[validation], centre, plane), USUAL))
    return Certainty(means, half_widths, centre, plane, usual, least)


def _half_widths(rows: pd.DataFrame, predicted: Answers, means: NDArray[np.float64]) -> NDArray[np.float64]:
    """(C,) what LEVEL of the lengths predicted nearest to a mean are off by; of all, where those are too few."""
    off = np.abs(rows["label"].to_numpy(dtype=np.float64) - predicted)
    nearest = np.abs(predicted[:, None] - means).argmin(axis=1)
    found = np.array([_reached(off[nearest == c]) for c in range(len(means))])
    return np.where(np.isfinite(found), found, _reached(off))


def _reached(off: NDArray[np.float64]) -> float:
    """The error that LEVEL of n + 1 images keep to, the new one included; inf where n is too small to say."""
    rank = math.ceil(LEVEL * (len(off) + 1))
    return float(np.sort(off)[rank - 1]) if rank <= len(off) else math.inf


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
