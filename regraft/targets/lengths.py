"""Lengths as the target: a number in cm for each image."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.config import GateSettings
from regraft.dataset.labels import mean_of
from regraft.errors import ConfigError
from regraft.store.records import MisfiledScores, OracleErrors
from regraft.targets import length_scores
from regraft.targets.calibration import LEVEL, Calibration, conformal_error, nearest
from regraft.targets.charts import Band, Chart, Histogram, Points, Scatter
from regraft.targets.labels import SyntheticLabels
from regraft.targets.oracle import excess, leak, oracle_answers, oracle_errors
from regraft.targets.rivals import compare
from regraft.targets.target import Answers, Doubts, Scores, Target
from regraft.targets.wording import Kind

HISTOGRAM_BINS = 40


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

    def rivals(self, manifest: pd.DataFrame) -> dict[str, Answers]:
        train = manifest[manifest["split"] == "train"]
        means = train.groupby("category")["label"].mean()
        return {
            "mean": np.full(len(manifest), self.truth(train).mean()),
            "category_mean": manifest["category"].map(means).to_numpy(dtype=np.float64),
        }

    def scores(
        self,
        predictions: pd.DataFrame,
        rivals: Mapping[str, Answers],
        synthetic: SyntheticLabels,
        settings: GateSettings,
        seed: int,
    ) -> Scores:
        is_test = (predictions["split"] == "test").to_numpy()
        test = predictions[is_test]
        results = length_scores.length_results(test, settings, seed)
        others = {name: answers[is_test] for name, answers in rivals.items()}
        oracle = self._oracle(test, synthetic)
        if oracle is not None:
            others["oracle"] = oracle_answers(test, synthetic.distributions)
        compared = compare(self, self.truth(test), self.answers(test), others, settings, seed)
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
        rmse = self.rmse(self.truth(whole), self.answers(whole))
        return MisfiledScores(n=len(misfiled), rmse=rmse, excess=excess(rmse, self._oracle(whole, synthetic)))

    def _oracle(self, rows: pd.DataFrame, synthetic: SyntheticLabels) -> OracleErrors | None:
        """The oracle's errors; None where some labels of `rows` (digest, category, label) are real."""
        return oracle_errors(rows, synthetic.distributions) if synthetic.are_all_of(rows) else None

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
        own = pd.Series([distance.at[row, name] for row, name in predictions["category"].items()], predictions.index)
        error = (predictions["prediction"] - predictions["label"]).abs()
        return Doubts(error, distance.min(axis=1), own - distance.min(axis=1))

    def label_chart(self, manifest: pd.DataFrame) -> Chart:
        series = {f"{name} ({len(part)})": self.truth(part) for name, part in manifest.groupby("category")}
        return Histogram("Label distribution", "length (cm)", "images", series, HISTOGRAM_BINS)

    def prediction_chart(self, test: pd.DataFrame, oracle: OracleErrors | None, synthetic: SyntheticLabels) -> Chart:
        levels: dict[str, float] = {}
        band = None
        if oracle is not None:
            levels = {name: mean_of(d) for name, d in synthetic.distributions.items() if d is not None}
            band = Band(oracle.rmse, f"within the oracle's RMSE, {oracle.rmse:.1f} cm; broken lines: what it says")
        return Scatter(
            title="Predicted and true length, test split",
            x="label (cm)",
            y="prediction (cm)",
            series={str(name): Points(self.truth(part), self.answers(part)) for name, part in test.groupby("category")},
            levels=levels,
            band=band,
        )


def _unknown_lengths(category: str) -> ConfigError:
    return ConfigError(
        f"categories.{category}: its list has no `label` column, and the config has no `label` distribution; write "
        "one, such as `label: {mean: 100, std: 30, min: 20}`."
    )
