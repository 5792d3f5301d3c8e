"""The best that is possible: who knows the category and nothing else; and the alarm when a head seems to know more."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.config import Config, Normal
from regraft.dataset.labels import label_of, mean_of, median_of


def are_synthetic(rows: pd.DataFrame, config: Config) -> bool:
    """Tell whether every label of `rows` (category, digest, label) is the one drawn for its image, none a real one."""
    for category, digest, label in zip(rows["category"], rows["digest"], rows["label"], strict=True):
        distribution = config.categories[category].label
        if distribution is None or label != label_of(distribution, config.seed, category, digest):
            return False
    return True


@dataclass(frozen=True)
class Oracle:
    """The best that can be done by who knows the category and nothing else."""

    rmse: float
    """In cm, when it says each category's mean."""
    mae: float
    """In cm, when it says each category's median."""


def oracle(rows: pd.DataFrame, distributions: Mapping[str, Normal | None]) -> Oracle | None:
    """Return the oracle's errors on the very labels of `rows` (category, label); None where labels are real."""
    if any(distributions.get(category) is None for category in rows["category"].unique()):
        return None
    label = rows["label"].to_numpy(dtype=np.float64)
    off_mean = label - _by_category(rows, distributions, mean_of)
    off_median = label - _by_category(rows, distributions, median_of)
    return Oracle(float(np.sqrt(np.mean(off_mean**2))), float(np.mean(np.abs(off_median))))


def answers(rows: pd.DataFrame, distributions: Mapping[str, Normal | None]) -> NDArray[np.float64]:
    """Return what the oracle says of each row (category), in cm: its category's mean."""
    return _by_category(rows, distributions, mean_of)


LEAK = 0.01
"""The alarm rings where so much luck, or more, would be needed; clean data ring it in one run of a hundred."""


SHUFFLES = 1999


def leak(rows: pd.DataFrame, distributions: Mapping[str, Normal | None], seed: int) -> float:
    """Return the probability that predictions go with the labels' noise by chance; a small one means a leak.

    A label is its category's mean and noise that no picture knows. So within a category labels may be shuffled among
    the images, and the predictions must not fit the true order better than shuffled ones: an exact permutation test,
    whatever the head is. `rows`: category, label, prediction. https://doi.org/10.1007/b138265
    """
    random = np.random.default_rng(seed)
    noise = rows["label"].to_numpy(dtype=np.float64) - _by_category(rows, distributions, mean_of)
    knows = rows["prediction"].groupby(rows["category"]).transform(lambda p: p - p.mean()).to_numpy(dtype=np.float64)
    fits, shuffled = float(noise @ knows), np.zeros(SHUFFLES)
    for positions in rows.reset_index(drop=True).groupby("category").indices.values():
        orders = random.permuted(np.tile(noise[positions], (SHUFFLES, 1)), axis=1)
        shuffled += orders @ knows[positions]
    return float((1 + (shuffled >= fits - 1e-9 * abs(fits)).sum()) / (1 + SHUFFLES))


def _by_category(rows: pd.DataFrame, distributions: Mapping[str, Normal | None], of: object) -> NDArray[np.float64]:
    said = {name: of(d) for name, d in distributions.items() if d is not None}  # type: ignore[operator]
    return rows["category"].map(said).to_numpy(dtype=np.float64)
