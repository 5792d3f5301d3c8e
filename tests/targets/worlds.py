"""Predictions of made-up heads, whose quality is known."""

import numpy as np
import pandas as pd

from regraft.config import GateSettings, Normal
from regraft.targets.categories import Categories
from regraft.targets.labels import SyntheticLabels
from regraft.targets.oracle import oracle_answers

TIGER, CAT = Normal(mean=100, std=30, min=20), Normal(mean=40, std=8, min=10)
DISTRIBUTIONS = {"tiger": TIGER, "cat": CAT}
GATE = GateSettings(samples=400)
NAMES = ("cat", "dog", "tiger")
TARGET = Categories(NAMES)


def length_predictions(seed: int, n: int = 60, knows: float = 0.0) -> pd.DataFrame:
    """Predictions of n tigers and n cats by a head that knows the category, and this share of the labels' noise."""
    random = np.random.default_rng(seed)
    synthetic = SyntheticLabels(DISTRIBUTIONS, seed)
    table = pd.DataFrame({"category": ["tiger"] * n + ["cat"] * n, "digest": [f"{seed}-{i}" for i in range(2 * n)]})
    table["label"] = [synthetic.length(c, d) for c, d in zip(table["category"], table["digest"], strict=True)]
    mean = oracle_answers(table, DISTRIBUTIONS)
    table["prediction"] = mean + knows * (table["label"] - mean) + random.normal(0, 3, 2 * n)
    return table


def is_own(rows: pd.DataFrame) -> np.ndarray:
    """1 where a category is the image's own, else 0: (N, C)."""
    return (rows["category"].to_numpy()[:, None] == np.array(NAMES)).astype(float)


def probabilities(rows: pd.DataFrame) -> np.ndarray:
    """The probabilities, (N, C), in predictions of categories."""
    return rows[[f"p_{name}" for name in NAMES]].to_numpy(dtype=float)


def category_predictions(seed: int, n: int = 60, sure: float = 2.0) -> pd.DataFrame:
    """Predictions of n images a category by a head whose scores for the right one are higher by `sure`."""
    random = np.random.default_rng(seed)
    rows = pd.DataFrame({"category": np.repeat(NAMES, n), "digest": [f"{seed}-{i}" for i in range(3 * n)]})
    rows = rows.assign(split=["train", "validation", "test"] * n, label=rows["category"])
    scores = np.exp(random.normal(0, 1, (3 * n, 3)) + sure * is_own(rows))
    return TARGET.predictions(rows, scores / scores.sum(axis=1, keepdims=True))
