"""A model beside its rivals: cheaper or older ways to answer, on the same images."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regraft.config import GateSettings
from regraft.store.metrics_record import Rival
from regraft.targets import bootstrap


@dataclass(frozen=True)
class Errors:
    """How far the answers for N images are from the truth: in cm, or of the categories' probabilities."""

    squared: NDArray[np.float64]
    """(N,) squared errors; of probabilities half the Brier score, 0 to 1."""
    absolute: NDArray[np.float64]
    """(N,) absolute errors; of probabilities their mean over the categories."""

    @property
    def rmse(self) -> float:
        """The root of the mean squared error."""
        return float(np.sqrt(self.squared.mean()))


def compare(ours: Errors, rivals: Mapping[str, Errors], settings: GateSettings, seed: int) -> dict[str, Rival]:
    """Return by rival its errors, and the difference of the model's RMSE from its, with an interval.

    The errors of the model and of all rivals are of the same N images.
    """
    if not rivals:
        return {}
    squared = np.column_stack([theirs.squared for theirs in rivals.values()])
    samples = bootstrap.rmse_differences(ours.squared, squared, settings, seed)
    compared = {}
    for (name, theirs), differences in zip(rivals.items(), samples.T, strict=True):
        low, high = bootstrap.interval(differences, settings)
        mae = float(theirs.absolute.mean())
        compared[name] = Rival(rmse=theirs.rmse, mae=mae, difference=ours.rmse - theirs.rmse, low=low, high=high)
    return compared
