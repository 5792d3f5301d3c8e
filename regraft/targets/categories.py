"""Categories as the target: a probability of each category for each image."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.targets.target import Answers, Kind, Target


@dataclass(frozen=True)
class Categories(Target):
    """The probabilities of the categories `names`, in this order, for each image."""

    kind: ClassVar[Kind] = "category"

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
