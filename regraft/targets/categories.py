"""Categories as the target: a probability of each category for each image."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.config import GateSettings
from regraft.dataset.splits import SPLITS
from regraft.store.records import MisfiledScores, OracleErrors
from regraft.targets import category_scores
from regraft.targets.calibration import Calibration, conformal_error
from regraft.targets.charts import Chart, Matrix, StackedBars
from regraft.targets.labels import SyntheticLabels
from regraft.targets.rivals import compare
from regraft.targets.target import Answers, Doubts, Scores, Target
from regraft.targets.wording import Kind


@dataclass(frozen=True)
class Categories(Target):
    """The probabilities of the categories `names`, in this order, for each image."""

    kind: ClassVar[Kind] = "category"
    columns: ClassVar[tuple[str, ...]] = ("category", "probability", "possible")
    headings: ClassVar[tuple[str, ...]] = ("category", "probability", "possible")
    regresses_lengths: ClassVar[bool] = False
    export_tolerance: ClassVar[float] = 0.05

    @property
    def output(self) -> str:
        return f"the probabilities of {', '.join(self.names)}, in this order,"

    def for_categories(self, names: Iterable[str]) -> "Categories":
        return Categories(tuple(sorted(names)))

    def check_labels(self, category: str, links: pd.DataFrame, synthetic: SyntheticLabels) -> None:
        """The label is the category, whatever a list has beside its URLs."""

    def labels(
        self, pictures: pd.DataFrame, links: pd.DataFrame, synthetic: SyntheticLabels
    ) -> "pd.Series[float] | pd.Series[str]":
        return pictures["category"]

    def label_without_links(
        self, category: str, digest: str, synthetic: SyntheticLabels, known: float | str | None = None
    ) -> float | str | None:
        return category

    def from_network(self, outputs: NDArray[np.floating]) -> Answers:
        return np.asarray(outputs, dtype=np.float64)

    def truth(self, rows: pd.DataFrame) -> Answers:
        return category_scores.is_own(rows, self.names)

    def predictions(self, rows: pd.DataFrame, answers: Answers) -> pd.DataFrame:
        likeliest = np.array(self.names, dtype=object)[answers.argmax(axis=1)]
        return rows.assign(prediction=likeliest, **{f"p_{name}": answers[:, i] for i, name in enumerate(self.names)})

    def answers(self, predictions: pd.DataFrame) -> Answers:
        return predictions[[f"p_{name}" for name in self.names]].to_numpy(dtype=np.float64)

    def aligned(self, answers: Answers, source: Target) -> Answers:
        column = {name: answers[:, i] for i, name in enumerate(source.names)}
        return np.stack([column.get(name, np.zeros(len(answers))) for name in self.names], axis=1)

    def squared_error(self, truth: Answers, answers: Answers) -> NDArray[np.float64]:
        return category_scores.squared_error(truth, answers)

    def rivals(self, manifest: pd.DataFrame) -> dict[str, Answers]:
        return {"shares": category_scores.frequencies(manifest, self.names)}

    def scores(
        self,
        predictions: pd.DataFrame,
        rivals: Mapping[str, Answers],
        synthetic: SyntheticLabels,
        settings: GateSettings,
        seed: int,
    ) -> Scores:
        """There is no oracle: it would always be right."""
        is_test = (predictions["split"] == "test").to_numpy()
        test = predictions[is_test]
        answers = self.answers(test)
        others = {name: theirs[is_test] for name, theirs in rivals.items()}
        return Scores(
            test=category_scores.category_results(test, answers, self.names, settings, seed),
            rivals=compare(self, self.truth(test), answers, others, settings, seed),
        )

    def misfiled_scores(self, test: pd.DataFrame, misfiled: pd.DataFrame, synthetic: SyntheticLabels) -> MisfiledScores:
        whole = pd.concat([test, misfiled], ignore_index=True)
        return MisfiledScores(n=len(misfiled), accuracy=float((whole["prediction"] == whole["category"]).mean()))

    def calibration(self, manifest: pd.DataFrame, answers: Answers) -> Calibration:
        own = (self.truth(manifest) * answers).sum(axis=1)
        return Calibration(min_probability=1 - conformal_error(1 - own[manifest["split"] == "validation"]))

    def table(self, answers: Answers, calibration: Calibration | None) -> pd.DataFrame:
        names = np.array(self.names, dtype=object)
        possible = calibration.possible(answers) if calibration else np.ones(answers.shape, dtype=bool)
        orders = np.argsort(-answers, axis=1)  # the likeliest first
        sets = [", ".join(names[order[keep[order]]]) for order, keep in zip(orders, possible, strict=True)]
        return pd.DataFrame({"category": names[orders[:, 0]], "probability": answers.max(axis=1), "possible": sets})

    def cells(self, table: pd.DataFrame) -> list[list[str]]:
        rows = zip(table["category"], table["probability"], table["possible"], strict=True)
        return [[category, f"{probability:.1%}", possible] for category, probability, possible in rows]

    def captions(self, table: pd.DataFrame) -> list[str]:
        rows = zip(table["category"], table["probability"], strict=True)
        return [f"{category}, {probability:.0%}" for category, probability in rows]

    def captions_with_labels(self, predictions: pd.DataFrame) -> list[str]:
        rows = zip(predictions["prediction"], self.answers(predictions).max(axis=1), strict=True)
        return [f"named {category}, {probability:.0%}" for category, probability in rows]

    def doubts(self, predictions: pd.DataFrame) -> Doubts:
        """Doubtful images have no likely category; strays have a likelier one than their own."""
        probabilities = self.answers(predictions)
        own = (probabilities * self.truth(predictions)).sum(axis=1)
        likeliest = probabilities.max(axis=1)
        return Doubts(*(pd.Series(x, predictions.index) for x in (1 - own, 1 - likeliest, likeliest - own)))

    def label_chart(self, manifest: pd.DataFrame) -> Chart:
        counts = manifest.groupby(["category", "split"]).size().unstack(fill_value=0)
        parts = {str(split): [int(count) for count in counts[split]] for split in SPLITS}
        return StackedBars("Images by category and split", "images", [str(name) for name in counts.index], parts)

    def prediction_chart(self, test: pd.DataFrame, oracle: OracleErrors | None, synthetic: SyntheticLabels) -> Chart:
        by_category = category_scores.confusion(test, self.names)
        counts = np.array([list(row.values()) for row in by_category.values()], dtype=np.int64)
        return Matrix("Named and true category, test split", "named", "true", self.names, counts)
