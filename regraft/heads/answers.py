"""What heads answer, lengths in cm or the categories' probabilities, and how far from the truth an answer is.

Both are judged by one measure, the root of the mean squared error: of a length, or of the probabilities, whose squared
error is half the Brier score, https://doi.org/10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2. So one gate serves both.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# N images, C categories
Answers = NDArray[np.float64]
"""(N,) lengths in cm; or (N, C) probabilities of the named categories, in the order of their names."""
Named = tuple[str, ...]
"""The categories that a head names; none where it gives lengths."""


def truth(rows: pd.DataFrame, named: Named) -> Answers:
    """Return the right answers for `rows` (category, label): labels, or 1 for the own category and 0 for others."""
    if not named:
        return rows["label"].to_numpy(dtype=np.float64)
    return (rows["category"].to_numpy()[:, None] == np.array(named)).astype(np.float64)


def predictions(rows: pd.DataFrame, answers: Answers, named: Named) -> pd.DataFrame:
    """Return `rows` with `prediction`; where categories are named that is the likeliest, with p_NAME for each."""
    if not named:
        return rows.assign(prediction=answers)
    likeliest = np.array(named, dtype=object)[answers.argmax(axis=1)]
    return rows.assign(prediction=likeliest, **{f"p_{name}": answers[:, i] for i, name in enumerate(named)})


def read(predicted: pd.DataFrame, named: Named) -> Answers:
    """Return the answers in a table that `predictions` made."""
    columns = [f"p_{name}" for name in named]
    return (predicted[columns] if named else predicted["prediction"]).to_numpy(dtype=np.float64)


def aligned(answers: Answers, named: Sequence[str], to: Named) -> Answers:
    """Return probabilities of the categories `named` as those of the categories `to`; 0 for those that are new."""
    where = {name: i for i, name in enumerate(named)}
    columns = [answers[:, where[name]] if name in where else np.zeros(len(answers)) for name in to]
    return np.stack(columns, axis=1) if to else answers


def squared(right: Answers, answers: Answers) -> NDArray[np.float64]:
    """Return the squared errors, (N,): in cm squared; or of probabilities, from 0 to 1."""
    off = (answers - right) ** 2
    return off if off.ndim == 1 else off.sum(axis=1) / 2


def rmse(right: Answers, answers: Answers) -> float:
    """Return the root of the mean squared error: in cm; or of probabilities, from 0 to 1."""
    return float(np.sqrt(squared(right, answers).mean()))
