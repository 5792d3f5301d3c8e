"""Categories as the target: a probability of each category for each image."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.config import GateSettings
from regraft.dataset.splits import SPLITS
from regraft.store.metrics_record import MisfiledScores, OracleErrors
from regraft.targets import category_scores
from regraft.targets.auc import area_of_probabilities
from regraft.targets.calibration import Calibration, Coverage, conformal_error, left_out_of
from regraft.targets.charts import Chart, Matrix, StackedBars
from regraft.targets.labels import SyntheticLabels
from regraft.targets.rivals import Errors, compare
from regraft.targets.target import Answer, Answers, Doubts, Positions, Scores, Target
from regraft.targets.wording import Kind

MAX_COLUMNS = 50
"""Categories up to which predictions have a column of probabilities each."""
MAX_COMPARED_PROBABILITIES = 50_000_000
"""Probabilities that the area under the ROC curve is computed from at most; of more, those of the first images of each
category, which are in no order."""
MAX_CHART_CATEGORIES = 20
"""Categories that a chart shows."""


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
        if len(self.names) > MAX_COLUMNS:
            return f"the probabilities of {len(self.names):,} categories, in the order of their names,"
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

    def predictions(self, rows: pd.DataFrame, answers: Answers) -> pd.DataFrame:
        summary = {
            "prediction": np.array(self.names, dtype=object)[answers.argmax(axis=1)],
            "probability": answers.max(axis=1),
            "own_probability": category_scores.own_probabilities(rows, answers, self.names),
            "squared_error": self.errors(rows, answers).squared,
        }
        shown = self.names if len(self.names) <= MAX_COLUMNS else ()
        return rows.assign(**summary, **{f"p_{name}": answers[:, i] for i, name in enumerate(shown)})

    def aligned(self, answers: Answers, source: Target) -> Answers:
        if source.names == self.names:
            return answers
        column = {name: answers[:, i] for i, name in enumerate(source.names)}
        return np.stack([column.get(name, np.zeros(len(answers))) for name in self.names], axis=1)

    def errors(self, rows: pd.DataFrame, answers: Answers) -> Errors:
        return category_scores.errors(rows, answers, self.names)

    def errors_of(self, predictions: pd.DataFrame) -> Errors:
        off = 1 - predictions["own_probability"].to_numpy(dtype=np.float64)  # and the others sum to as much
        return Errors(predictions["squared_error"].to_numpy(dtype=np.float64), 2 * off / len(self.names))

    def rivals(self, manifest: pd.DataFrame) -> dict[str, Errors]:
        return {"shares": category_scores.errors_of_frequencies(manifest, self.names)}

    def scores(
        self,
        predictions: pd.DataFrame,
        answer: Answer,
        rivals: Mapping[str, Errors],
        synthetic: SyntheticLabels,
        settings: GateSettings,
        seed: int,
    ) -> Scores:
        """There is no oracle: it would always be right."""
        test = predictions[predictions["split"] == "test"]
        per_category = max(1, MAX_COMPARED_PROBABILITIES // len(self.names) ** 2)
        compared = test[test.groupby("category").cumcount() < per_category]
        area = area_of_probabilities(category_scores.positions(compared, self.names), answer(compared))
        return Scores(
            test=category_scores.category_results(test, area, settings, seed),
            rivals=compare(self.errors_of(test), rivals, settings, seed),
        )

    def misfiled_scores(self, test: pd.DataFrame, misfiled: pd.DataFrame, synthetic: SyntheticLabels) -> MisfiledScores:
        whole = pd.concat([test, misfiled], ignore_index=True)
        return MisfiledScores(n=len(misfiled), accuracy=float((whole["prediction"] == whole["category"]).mean()))

    def calibration(self, predictions: pd.DataFrame, *, knows_categories: bool = False) -> Calibration:
        own = left_out_of(predictions, "own_probability")["own_probability"].to_numpy(dtype=np.float64)
        return Calibration(min_probability=1 - conformal_error(1 - own))

    def coverage(
        self, rows: pd.DataFrame, answers: Answers, calibration: Calibration, category: Positions | None
    ) -> Coverage:
        own, possible = category_scores.positions(rows, self.names), calibration.possible(answers)
        is_held = (own >= 0) & possible[np.arange(len(own)), own]
        return Coverage(is_held, possible.sum(axis=1).astype(np.float64))

    def table(self, answers: Answers, calibration: Calibration | None, category: Positions | None) -> pd.DataFrame:
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
        rows = zip(predictions["prediction"], predictions["probability"], strict=True)
        return [f"named {category}, {probability:.0%}" for category, probability in rows]

    def doubts(self, predictions: pd.DataFrame) -> Doubts:
        """Doubtful images have no likely category; strays have a likelier one than their own."""
        own, likeliest = predictions["own_probability"], predictions["probability"]
        return Doubts(1 - own, 1 - likeliest, likeliest - own)

    def label_chart(self, manifest: pd.DataFrame) -> Chart:
        counts = manifest.groupby(["category", "split"]).size().unstack(fill_value=0)
        smallest = counts.sum(axis=1).sort_values(kind="stable").index[:MAX_CHART_CATEGORIES]
        shown = counts.reindex(smallest).sort_index()
        parts = {str(split): [int(count) for count in shown[split]] for split in SPLITS}
        title = "Images by category and split" + _left_out(len(counts), "smallest")
        return StackedBars(title, "images", [str(name) for name in shown.index], parts)

    def prediction_chart(self, test: pd.DataFrame, oracle: OracleErrors | None, synthetic: SyntheticLabels) -> Chart:
        wrong = test["category"][test["prediction"] != test["category"]].value_counts()
        wrong = wrong.reindex(list(self.names), fill_value=0).sort_values(ascending=False, kind="stable")
        shown = sorted(wrong.index[:MAX_CHART_CATEGORIES])
        counts = pd.crosstab(test["category"], test["prediction"]).reindex(index=shown, columns=shown, fill_value=0)
        title = "Named and true category, test split" + _left_out(len(self.names), "most often misnamed")
        return Matrix(title, "named", "true", shown, counts.to_numpy(dtype=np.int64))


def _left_out(count: int, kind: str) -> str:
    """What the title of a chart of so many categories says where it shows only some of them."""
    return f": the {MAX_CHART_CATEGORIES} {kind} of {count:,}" if count > MAX_CHART_CATEGORIES else ""
