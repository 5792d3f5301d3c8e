"""Lengths as the target: a number in cm for each image."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.targets.target import Answers, Kind, Target


@dataclass(frozen=True)
class Lengths(Target):
    """A length in cm for each image."""

    kind: ClassVar[Kind] = "length"
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
