"""Lengths as the target: a number in cm for each image."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.config import GateSettings
from regraft.dataset.labels import mean_of
from regraft.errors import ConfigError
from regraft.store.metrics_record import MisfiledScores, OracleErrors
from regraft.targets import length_scores
from regraft.targets.calibration import LEVEL, Calibration, Coverage, half_widths, left_out_of, nearest
from regraft.targets.charts import Band, Chart, Histogram, Points, Scatter
from regraft.targets.labels import SyntheticLabels
from regraft.targets.oracle import excess, leak, oracle_answers, oracle_errors
from regraft.targets.rivals import Errors, compare
from regraft.targets.target import Answer, Answers, Doubts, Positions, Scores, Target
from regraft.targets.wording import Kind

HISTOGRAM_BINS = 40
MAX_SERIES = 12
"""Categories that a chart tells apart; of more, all are drawn alike."""


@dataclass(frozen=True)
class Lengths(Target):
    """A length in cm for each image."""

    kind: ClassVar[Kind] = "length"
    columns: ClassVar[tuple[str, ...]] = ("length_cm", "low_cm", "high_cm")
    headings: ClassVar[tuple[str, ...]] = ("length (cm)", f"{LEVEL:.0%} of such")
    regresses_lengths: ClassVar[bool] = True
    export_tolerance: ClassVar[float] = 1.0
    names: tuple[str, ...] = field(default=(), init=False)

    @property
    def output(self) -> str:
        return "lengths in cm"

    def for_categories(self, names: Iterable[str]) -> "Lengths":
        return self

    def check_labels(self, category: str, links: pd.DataFrame, synthetic: SyntheticLabels) -> None:
        if synthetic.distributions[category] is None and links["label"].isna().any():
            raise _unknown_lengths(category)

    def labels(
        self, pictures: pd.DataFrame, links: pd.DataFrame, synthetic: SyntheticLabels
    ) -> "pd.Series[float] | pd.Series[str]":
        real = links.dropna(subset=["label"]).set_index("url")["label"].to_dict()
        labels = []
        for category, digest, urls in zip(pictures["category"], pictures["digest"], pictures["urls"], strict=True):
            lengths = [real[url] for url in urls if url in real]
            label = float(np.mean(lengths)) if lengths else synthetic.length(category, digest)
            if label is None:
                raise _unknown_lengths(category)
            labels.append(label)
        return pd.Series(labels, pictures.index, dtype=np.float64)

    def label_without_links(
        self, category: str, digest: str, synthetic: SyntheticLabels, known: float | str | None = None
    ) -> float | str | None:
        drawn = synthetic.length(category, digest)
        return known if drawn is None and isinstance(known, float) else drawn

    def from_network(self, outputs: NDArray[np.floating]) -> Answers:
        return np.asarray(outputs, dtype=np.float64).reshape(-1)

    def predictions(self, rows: pd.DataFrame, answers: Answers) -> pd.DataFrame:
        return rows.assign(prediction=answers)

    def aligned(self, answers: Answers, source: Target) -> Answers:
        return answers

    def errors(self, rows: pd.DataFrame, answers: Answers) -> Errors:
        off = answers - rows["label"].to_numpy(dtype=np.float64)
        return Errors(off**2, np.abs(off))

    def errors_of(self, predictions: pd.DataFrame) -> Errors:
        return self.errors(predictions, predictions["prediction"].to_numpy(dtype=np.float64))

    def rivals(self, manifest: pd.DataFrame) -> dict[str, Errors]:
        train, test = (manifest[manifest["split"] == split] for split in ("train", "test"))
        means = test["category"].map(train.groupby("category")["label"].mean())
        return {
            "mean": self.errors(test, np.full(len(test), train["label"].mean())),
            "category_mean": self.errors(test, means.to_numpy(dtype=np.float64)),
        }

    def scores(
        self,
        predictions: pd.DataFrame,
        answer: Answer,
        rivals: Mapping[str, Errors],
        synthetic: SyntheticLabels,
        settings: GateSettings,
        seed: int,
    ) -> Scores:
        test = predictions[predictions["split"] == "test"]
        results = length_scores.length_results(test, settings, seed)
        oracle, others = self._oracle(test, synthetic), dict(rivals)
        if oracle is not None:
            others["oracle"] = self.errors(test, oracle_answers(test, synthetic.distributions))
        compared = compare(self.errors_of(test), others, settings, seed)
        if oracle is None:
            return Scores(test=results, rivals=compared)
        return Scores(
            test=results,
            rivals=compared,
            oracle=oracle,
            excess=excess(results.rmse, oracle),
            strays=length_scores.strays(predictions, synthetic.distributions),
            leak=leak(test, synthetic.distributions, seed),
        )

    def misfiled_scores(self, test: pd.DataFrame, misfiled: pd.DataFrame, synthetic: SyntheticLabels) -> MisfiledScores:
        whole = pd.concat([test, misfiled], ignore_index=True)
        rmse = self.errors_of(whole).rmse
        return MisfiledScores(n=len(misfiled), rmse=rmse, excess=excess(rmse, self._oracle(whole, synthetic)))

    def _oracle(self, rows: pd.DataFrame, synthetic: SyntheticLabels) -> OracleErrors | None:
        """The oracle's errors; None where some labels of `rows` (digest, category, label) are real."""
        return oracle_errors(rows, synthetic.distributions) if synthetic.are_all_of(rows) else None

    def calibration(self, predictions: pd.DataFrame, *, knows_categories: bool = False) -> Calibration:
        rows = left_out_of(predictions, "prediction")
        errors = self.errors_of(rows).absolute
        if knows_categories:
            names = np.unique(predictions["category"].to_numpy(dtype=str))
            own = np.searchsorted(names, rows["category"].to_numpy(dtype=str))
            return Calibration(half_widths=half_widths(errors, own, len(names)))
        train = predictions[predictions["split"] == "train"]
        means = train.groupby("category")["label"].mean().to_numpy(dtype=np.float64)
        category = nearest(rows["prediction"].to_numpy(dtype=np.float64), means)
        return Calibration(means=means, half_widths=half_widths(errors, category, len(means)))

    def coverage(
        self, rows: pd.DataFrame, answers: Answers, calibration: Calibration, category: Positions | None
    ) -> Coverage:
        label = rows["label"].to_numpy(dtype=np.float64)
        low, high = calibration.interval(answers, category)
        return Coverage((low <= label) & (label <= high), high - low)

    def table(self, answers: Answers, calibration: Calibration | None, category: Positions | None) -> pd.DataFrame:
        unknown = np.full(len(answers), np.nan)
        low, high = calibration.interval(answers, category) if calibration else (unknown, unknown)
        return pd.DataFrame({"length_cm": answers, "low_cm": low, "high_cm": high})

    def cells(self, table: pd.DataFrame) -> list[list[str]]:
        rows = zip(table["length_cm"], table["low_cm"], table["high_cm"], strict=True)
        return [[f"{length:.1f}", f"{low:.0f} to {high:.0f}"] for length, low, high in rows]

    def captions(self, table: pd.DataFrame) -> list[str]:
        return [f"{length:.1f} cm" for length in table["length_cm"]]

    def captions_with_labels(self, predictions: pd.DataFrame) -> list[str]:
        rows = zip(predictions["prediction"], predictions["label"], strict=True)
        return [f"{prediction:.0f} cm, label {label:.0f}" for prediction, label in rows]

    def doubts(self, predictions: pd.DataFrame) -> Doubts:
        """Doubtful lengths are far from every category's mean; strays are nearer to another's than to their own."""
        distance = length_scores.distances(predictions)
        error = (predictions["prediction"] - predictions["label"]).abs()
        return Doubts(error, distance["least"], distance["own"] - distance["least"])

    def label_chart(self, manifest: pd.DataFrame) -> Chart:
        series = {f"{name} ({len(part):,})": _values(part, "label") for name, part in _series(manifest)}
        return Histogram("Label distribution", "length (cm)", "images", series, HISTOGRAM_BINS)

    def prediction_chart(self, test: pd.DataFrame, oracle: OracleErrors | None, synthetic: SyntheticLabels) -> Chart:
        levels: dict[str, float] = {}
        band = None
        if oracle is not None:
            if test["category"].nunique() <= MAX_SERIES:
                levels = {name: mean_of(d) for name, d in synthetic.distributions.items() if d is not None}
            band = Band(oracle.rmse, f"within the oracle's RMSE, {oracle.rmse:.1f} cm; broken lines: what it says")
        return Scatter(
            title="Predicted and true length, test split",
            x="label (cm)",
            y="prediction (cm)",
            series={name: Points(_values(part, "label"), _values(part, "prediction")) for name, part in _series(test)},
            levels=levels,
            band=band,
        )


def _unknown_lengths(category: str) -> ConfigError:
    return ConfigError(
        f"categories.{category}: its list has no `label` column, and the config has no `label` distribution; write "
        "one, such as `label: {mean: 100, std: 30, min: 20}`."
    )


def _series(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The series of a chart and their rows (category): the categories, or all of them together where they are many."""
    names = rows["category"].unique()
    if len(names) > MAX_SERIES:
        yield f"{len(names):,} categories", rows
        return
    for name, part in rows.groupby("category"):
        yield str(name), part


def _values(rows: pd.DataFrame, column: str) -> NDArray[np.float64]:
    return rows[column].to_numpy(dtype=np.float64)
