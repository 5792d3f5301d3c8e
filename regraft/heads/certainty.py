"""How sure a model is: the intervals or sets of its predictions, and whether a picture is unlike those of training."""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.backbones.backbone import Features
from regraft.errors import VersionError
from regraft.heads.unlike import Distance, distance_from, distance_in
from regraft.store.feature_rows import FeatureRows
from regraft.targets.calibration import Calibration
from regraft.targets.target import Target


@dataclass(frozen=True)
class Certainty:
    """What it takes to say how sure a model is, kept beside its head. D features."""

    calibration: Calibration
    """For the intervals of lengths, or the sets of categories."""
    distance: Distance
    """How far features lie from those of training."""
    max_distance: float
    """The largest distance at which a picture still is similar to those of training."""

    def is_unlike_training(self, features: Features) -> NDArray[np.bool_]:
        """Return which of N pictures, by their features (N, D), are unlike anything in training."""
        return self.distance(features) > self.max_distance

    def to_bytes(self) -> bytes:
        """Return this as the bytes of certainty.npz."""
        arrays: dict[str, Any] = {
            "means": self.calibration.means,
            "half_widths": self.calibration.half_widths,
            "usual": np.array(self.max_distance),
            "least": np.array(self.calibration.min_probability),
            **self.distance.arrays(),
        }
        file = io.BytesIO()
        np.savez(file, **arrays)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Certainty":
        """Return what `to_bytes` wrote. Raises VersionError where it is damaged."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                min_probability = float(arrays["least"]) if "least" in arrays else np.nan
                calibration = Calibration(arrays["means"], arrays["half_widths"], min_probability)
                return cls(calibration, *distance_in(arrays))
        except Exception as error:  # zip and npy readers raise anything
            raise VersionError(f"certainty.npz cannot be read: {error}"[:300]) from error


def certainty(
    predictions: pd.DataFrame, features: FeatureRows, target: Target, *, knows_categories: bool = False
) -> Certainty:
    """Return how sure a head is of its answers.

    `predictions`: category, split, label and what `Target.predictions` adds; `features`, (N, D), follow its rows.
    `knows_categories`: whether the head says of a picture which category is the likeliest.
    """
    train, validation = (np.flatnonzero(predictions["split"] == split) for split in ("train", "validation"))
    calibration = target.calibration(predictions, knows_categories=knows_categories)
    return Certainty(calibration, *distance_from(features, train, validation))
