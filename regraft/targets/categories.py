"""Categories as the target: a probability of each category for each image."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.targets.calibration import Calibration, conformal_error
from regraft.targets.figures import Kind
from regraft.targets.target import Answers, Target


@dataclass(frozen=True)
class Categories(Target):
    """The probabilities of the categories `names`, in this order, for each image."""

    kind: ClassVar[Kind] = "category"
    columns: ClassVar[tuple[str, ...]] = ("category", "probability", "possible")
    regresses_lengths: ClassVar[bool] = False
    export_tolerance: ClassVar[float] = 0.05

    def from_network(self, outputs: NDArray[np.floating]) -> Answers:
        return np.asarray(outputs, dtype=np.float64)

    def truth(self, rows: pd.DataFrame) -> Answers:
        return (rows["category"].to_numpy()[:, None] == np.array(self.names)).astype(np.float64)

    def predictions(self, rows: pd.DataFrame, answers: Answers) -> pd.DataFrame:
        likeliest = np.array(self.names, dtype=object)[answers.argmax(axis=1)]
        return rows.assign(prediction=likeliest, **{f"p_{name}": answers[:, i] for i, name in enumerate(self.names)})

    def answers(self, predictions: pd.DataFrame) -> Answers:
        return predictions[[f"p_{name}" for name in self.names]].to_numpy(dtype=np.float64)

    def aligned(self, answers: Answers, source: Target) -> Answers:
        column = {name: answers[:, i] for i, name in enumerate(source.names)}
        return np.stack([column.get(name, np.zeros(len(answers))) for name in self.names], axis=1)

    def squared_error(self, truth: Answers, answers: Answers) -> NDArray[np.float64]:
        return np.asarray(((answers - truth) ** 2).sum(axis=1) / 2)

    def calibration(self, manifest: pd.DataFrame, answers: Answers) -> Calibration:
        own = (self.truth(manifest) * answers).sum(axis=1)
        return Calibration(min_probability=1 - conformal_error(1 - own[manifest["split"] == "validation"]))

    def table(self, answers: Answers, calibration: Calibration | None) -> pd.DataFrame:
        names = np.array(self.names, dtype=object)
        possible = calibration.possible(answers) if calibration else np.ones(answers.shape, dtype=bool)
        orders = np.argsort(-answers, axis=1)  # the likeliest first
        sets = [", ".join(names[order[keep[order]]]) for order, keep in zip(orders, possible, strict=True)]
        return pd.DataFrame({"category": names[orders[:, 0]], "probability": answers.max(axis=1), "possible": sets})

    @property
    def output(self) -> str:
        return f"the probabilities of {', '.join(self.names)}, in this order,"
