"""Lengths as the target: a number in cm for each image."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.targets.calibration import Calibration, conformal_error, nearest
from regraft.targets.figures import Kind
from regraft.targets.target import Answers, Target


@dataclass(frozen=True)
class Lengths(Target):
    """A length in cm for each image."""

    kind: ClassVar[Kind] = "length"
    columns: ClassVar[tuple[str, ...]] = ("length_cm", "low_cm", "high_cm")
    regresses_lengths: ClassVar[bool] = True
    export_tolerance: ClassVar[float] = 1.0
    names: tuple[str, ...] = field(default=(), init=False)

    def from_network(self, outputs: NDArray[np.floating]) -> Answers:
        return np.asarray(outputs, dtype=np.float64).reshape(-1)

    def truth(self, rows: pd.DataFrame) -> Answers:
        return rows["label"].to_numpy(dtype=np.float64)

    def predictions(self, rows: pd.DataFrame, answers: Answers) -> pd.DataFrame:
        return rows.assign(prediction=answers)

    def answers(self, predictions: pd.DataFrame) -> Answers:
        return predictions["prediction"].to_numpy(dtype=np.float64)

    def aligned(self, answers: Answers, source: Target) -> Answers:
        return answers

    def squared_error(self, truth: Answers, answers: Answers) -> NDArray[np.float64]:
        return np.asarray((answers - truth) ** 2)

    def calibration(self, manifest: pd.DataFrame, answers: Answers) -> Calibration:
        means = manifest[manifest["split"] == "train"].groupby("category")["label"].mean().to_numpy(dtype=np.float64)
        is_validation = (manifest["split"] == "validation").to_numpy()
        lengths = answers[is_validation]
        errors = np.abs(self.truth(manifest[is_validation]) - lengths)
        category = nearest(lengths, means)
        half_widths = np.array([conformal_error(errors[category == c]) for c in range(len(means))])
        too_few = ~np.isfinite(half_widths)
        half_widths[too_few] = conformal_error(errors)
        return Calibration(means=means, half_widths=half_widths)

    def table(self, answers: Answers, calibration: Calibration | None) -> pd.DataFrame:
        unknown = np.full(len(answers), np.nan)
        low, high = calibration.interval(answers) if calibration else (unknown, unknown)
        return pd.DataFrame({"length_cm": answers, "low_cm": low, "high_cm": high})

    @property
    def output(self) -> str:
        return "lengths in cm"
