"""The interface of a target: what a head answers, how far from the truth an answer is, and how it is spoken of.

A head answers either with lengths in cm or with the probabilities of categories. Whatever differs between the two is a
method here, so that nothing else asks which of them it deals with. Both are judged by one measure, the root of the mean
squared error: of a length, or of the probabilities, whose squared error is half the Brier score,
https://doi.org/10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2. So one gate serves both.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.config import GateSettings
from regraft.store.metrics_record import Leak, MisfiledScores, OracleErrors, Results, Rival, Strays
from regraft.targets.calibration import Calibration, Coverage
from regraft.targets.charts import Chart
from regraft.targets.labels import SyntheticLabels
from regraft.targets.rivals import Errors
from regraft.targets.wording import WORDINGS, Kind, Wording

# N images, C categories
Answers = NDArray[np.float64]
"""(N,) lengths in cm; or (N, C) probabilities of the target's categories, in the order of their names."""
Positions = NDArray[np.int64]
"""(N,) categories by their positions among their names, in order."""
Answer = Callable[[pd.DataFrame], Answers]
"""Gives the answers for some images (digest)."""
IMAGE_COLUMNS = ["digest", "category", "split", "label"]
"""The columns of predictions that say which images they are of."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """How good answers are on the test split; the fields are those of metrics.json."""

    test: Results
    rivals: Mapping[str, Rival]
    oracle: OracleErrors | None = None
    """None where there is no oracle, or none that errs."""
    excess: float | None = None
    strays: Strays | None = None
    leak: Leak | None = None


@dataclass(frozen=True)
class Doubts:
    """What predictions are worth looking at for; one value a prediction, with the predictions' index."""

    error: "pd.Series[float]"
    """How far it is from its label."""
    doubt: "pd.Series[float]"
    """How undecided it is between categories."""
    stray: "pd.Series[float]"
    """How much nearer it is to another category than to its own; 0 or less where it is not."""


@dataclass(frozen=True)
class Target(ABC):
    """What a head answers. See `lengths` and `categories` for the two kinds."""

    kind: ClassVar[Kind]
    columns: ClassVar[tuple[str, ...]]
    """The columns of `table`."""
    headings: ClassVar[tuple[str, ...]]
    """What people read above the columns of `cells`."""
    regresses_lengths: ClassVar[bool]
    """Whether heads are trained towards lengths, behind the categories' probabilities or alone."""
    export_tolerance: ClassVar[float]
    """What an exported model may differ by from the version, in cm or in a probability: it shrinks large pictures in
    one step, where Pillow takes two."""
    names: tuple[str, ...]
    """The categories, in the order of their probabilities; empty where answers are lengths."""

    @property
    def wording(self) -> Wording:
        """How this target is spoken of."""
        return WORDINGS[self.kind]

    @property
    @abstractmethod
    def output(self) -> str:
        """What a model gives, for the sentence "it gives {output} as the version does"."""

    def is_comparable_with(self, other: "Target") -> bool:
        """Return whether this target's answers can be measured against the other's, on the same images."""
        return self.kind == other.kind

    @abstractmethod
    def for_categories(self, names: Iterable[str]) -> "Target":
        """Return the same kind of target for other categories, in any order."""

    # Labels

    @abstractmethod
    def check_labels(self, category: str, links: pd.DataFrame, synthetic: SyntheticLabels) -> None:
        """Raise ConfigError where neither a category's links (label) nor the config says what the labels are."""

    @abstractmethod
    def labels(
        self, pictures: pd.DataFrame, links: pd.DataFrame, synthetic: SyntheticLabels
    ) -> "pd.Series[float] | pd.Series[str]":
        """Return the label of each picture (digest, category, urls), (N,): a length in cm, or the category.

        `links` (url, label) has the real lengths that lists give. Raises ConfigError where lengths are wanted and a
        category has neither real ones nor a distribution.
        """

    @abstractmethod
    def label_without_links(
        self, category: str, digest: str, synthetic: SyntheticLabels, known: float | str | None = None
    ) -> float | str | None:
        """Return the label of an image whose links are gone; None where its length is not known.

        `known`: the label that an earlier version had for it, which may be of the other kind.
        """

    # Answers

    @abstractmethod
    def from_network(self, outputs: NDArray[np.floating]) -> Answers:
        """Return the answers in a head's outputs, (N, 1) or (N, C)."""

    @abstractmethod
    def predictions(self, rows: pd.DataFrame, answers: Answers) -> pd.DataFrame:
        """Return `rows` (category) with what the answers come to as columns.

        Lengths: `prediction`, in cm. Categories: `prediction`, the likeliest category; `probability`, its probability;
        `own_probability`, that of the image's own category; `squared_error`; and, where there are few categories,
        p_NAME of each. So the table of a million images stays small, however many categories there are.
        """

    def largest_difference(self, predictions: pd.DataFrame, others: pd.DataFrame) -> float:
        """Return how far two predictions of the same images are apart at most, in cm or in a probability."""
        numbers = predictions.drop(columns=IMAGE_COLUMNS, errors="ignore").select_dtypes("number")
        others = others[numbers.columns]
        return float(np.abs(numbers.to_numpy() - others.to_numpy()).max())

    @abstractmethod
    def aligned(self, answers: Answers, source: "Target") -> Answers:
        """Return the answers of a comparable target as answers of this one.

        Categories may have come or gone: a new one has the probability 0.
        """

    # Errors

    @abstractmethod
    def errors(self, rows: pd.DataFrame, answers: Answers) -> Errors:
        """Return the errors of the answers for `rows` (category, label)."""

    @abstractmethod
    def errors_of(self, predictions: pd.DataFrame) -> Errors:
        """Return the errors of predictions (category, label, and what `predictions` adds)."""

    @abstractmethod
    def rivals(self, manifest: pd.DataFrame) -> dict[str, Errors]:
        """Return by rival the errors, on the test split, of rivals that need no training."""

    @abstractmethod
    def scores(
        self,
        predictions: pd.DataFrame,
        answer: Answer,
        rivals: Mapping[str, Errors],
        synthetic: SyntheticLabels,
        settings: GateSettings,
        seed: int,
    ) -> Scores:
        """Return how good predictions (digest, category, split, label, and what `predictions` adds) are.

        Only their test split counts. `answer` gives the whole answers for some of its images; `rivals`: the errors of
        rivals on it.
        """

    @abstractmethod
    def misfiled_scores(self, test: pd.DataFrame, misfiled: pd.DataFrame, synthetic: SyntheticLabels) -> MisfiledScores:
        """Return what the results would be if the misfiled pictures were in the test split too.

        `test`, `misfiled`: the predictions of both (digest, category, label, and what `predictions` adds).
        """

    # How sure answers are, and how they are shown

    @abstractmethod
    def calibration(self, predictions: pd.DataFrame, *, knows_categories: bool = False) -> Calibration:
        """Return how far answers may be trusted, by predictions of all images.

        Column `left_out`, where there is one: what each is answered when it is left out, see `head.Trained`.
        `knows_categories`: whether the head says of a picture which category is the likeliest.
        """

    @abstractmethod
    def coverage(
        self, rows: pd.DataFrame, answers: Answers, calibration: Calibration, category: Positions | None
    ) -> Coverage:
        """Return whether the intervals or sets of the answers for `rows` (category, label) hold the truth.

        `category`: the likeliest of each, (N,); None where the head does not say.
        """

    @abstractmethod
    def table(self, answers: Answers, calibration: Calibration | None, category: Positions | None) -> pd.DataFrame:
        """Return N answers for people, one row each, with the columns `columns`. `category`: as of `coverage`.

        Lengths: length_cm, low_cm, high_cm. Categories: category, probability, and `possible`: the names of the
        categories that the calibration does not rule out, the likeliest first. Without a calibration intervals are NaN
        and all categories are possible.
        """

    @abstractmethod
    def cells(self, table: pd.DataFrame) -> list[list[str]]:
        """Return the rows of `table` as text, a cell for each of `headings`."""

    @abstractmethod
    def captions(self, table: pd.DataFrame) -> list[str]:
        """Return the rows of `table` as text to stand below pictures, such as "63.1 cm" or "cat, 98%"."""

    @abstractmethod
    def captions_with_labels(self, predictions: pd.DataFrame) -> list[str]:
        """Return what stands below pictures whose label is known, such as "63 cm, label 58"."""

    @abstractmethod
    def doubts(self, predictions: pd.DataFrame) -> Doubts:
        """Return what predictions (category, split, label, and what `predictions` adds) are worth looking at for."""

    # Charts

    @abstractmethod
    def label_chart(self, manifest: pd.DataFrame) -> Chart:
        """Return how the labels of the manifest are distributed."""

    @abstractmethod
    def prediction_chart(self, test: pd.DataFrame, oracle: OracleErrors | None, synthetic: SyntheticLabels) -> Chart:
        """Return predictions (category, label, prediction) against labels, and the oracle's where there is one."""
