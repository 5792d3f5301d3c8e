"""The interface of a target: what a head answers, and how far from the truth an answer is.

A head answers either with lengths in cm or with the probabilities of categories. Whatever differs between the two is a
method here, so that nothing else asks which of them it deals with. Both are judged by one measure, the root of the mean
squared error: of a length, or of the probabilities, whose squared error is half the Brier score,
https://doi.org/10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2. So one gate serves both.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.targets.calibration import Calibration
from regraft.targets.figures import FIGURES, Figures, Kind

# N images, C categories
Answers = NDArray[np.float64]
"""(N,) lengths in cm; or (N, C) probabilities of the target's categories, in the order of their names."""


@dataclass(frozen=True)
class Target(ABC):
    """What a head answers. See `lengths` and `categories` for the two kinds."""

    kind: ClassVar[Kind]
    columns: ClassVar[tuple[str, ...]]
    """The columns of `table`."""
    regresses_lengths: ClassVar[bool]
    """Whether heads are trained towards lengths, behind the categories' probabilities or alone."""
    export_tolerance: ClassVar[float]
    """What an exported model may differ by from the version, in cm or in a probability: it shrinks large pictures in
    one step, where Pillow takes two."""
    names: tuple[str, ...]
    """The categories, in the order of their probabilities; empty where answers are lengths."""

    @property
    def figures(self) -> Figures:
        """How this target's errors are written."""
        return FIGURES[self.kind]

    def is_comparable_with(self, other: "Target") -> bool:
        """Return whether this target's answers can be measured against the other's, on the same images."""
        return self.kind == other.kind

    @abstractmethod
    def from_network(self, outputs: NDArray[np.floating]) -> Answers:
        """Return the answers in a head's outputs, (N, 1) or (N, C)."""

    @abstractmethod
    def truth(self, rows: pd.DataFrame) -> Answers:
        """Return the right answers for `rows` (category, label): the labels, or 1 for the own category, else 0."""

    @abstractmethod
    def predictions(self, rows: pd.DataFrame, answers: Answers) -> pd.DataFrame:
        """Return `rows` with the answers as columns: `prediction`, and p_NAME of each category where there are some.

        Where answers are probabilities, `prediction` is the likeliest category.
        """

    @abstractmethod
    def answers(self, predictions: pd.DataFrame) -> Answers:
        """Return the answers in a table that `predictions` made."""

    @abstractmethod
    def aligned(self, answers: Answers, source: "Target") -> Answers:
        """Return the answers of a comparable target as answers of this one.

        Categories may have come or gone: a new one has the probability 0.
        """

    @abstractmethod
    def squared_error(self, truth: Answers, answers: Answers) -> NDArray[np.float64]:
        """Return the squared errors, (N,): in cm squared; or of probabilities, 0 to 1."""

    def rmse(self, truth: Answers, answers: Answers) -> float:
        """Return the root of the mean squared error: in cm; or of probabilities, 0 to 1."""
        return float(np.sqrt(self.squared_error(truth, answers).mean()))

    @abstractmethod
    def calibration(self, manifest: pd.DataFrame, answers: Answers) -> Calibration:
        """Return how far answers may be trusted. `answers` follow the manifest's rows (category, split, label)."""

    @abstractmethod
    def table(self, answers: Answers, calibration: Calibration | None) -> pd.DataFrame:
        """Return N answers for people, one row each, with the columns `columns`.

        Lengths: length_cm, low_cm, high_cm. Categories: category, probability, and `possible`: the names of the
        categories that the calibration does not rule out, the likeliest first. Without a calibration intervals are NaN
        and all categories are possible.
        """

    @property
    @abstractmethod
    def output(self) -> str:
        """What a model gives, for the end of the sentence "it gives ..."."""
