"""The best that is possible by knowing an image's category and nothing else, and the alarm when a head knows more."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.config import Normal
from regraft.dataset.labels import mean_of, median_of
from regraft.store.metrics_record import Leak, OracleErrors
from regraft.targets.bootstrap import BLOCK_SIZE

Distributions = Mapping[str, Normal | None]
"""How each category's lengths are distributed; None where it is not known."""
ALARM_PROBABILITY = 0.01
"""The leak alarm rings where this much luck, or more, would be needed; clean data ring it in one run of a hundred."""
SHUFFLES = 1999
"""Orders of the labels that the true order is compared with."""


def oracle_errors(rows: pd.DataFrame, distributions: Distributions) -> OracleErrors | None:
    """Return the oracle's errors on the very labels of `rows` (category, label); None without all distributions."""
    if any(distributions.get(category) is None for category in rows["category"].unique()):
        return None
    label = rows["label"].to_numpy(dtype=np.float64)
    off_mean = label - _by_category(rows, distributions, mean_of)
    off_median = label - _by_category(rows, distributions, median_of)
    return OracleErrors(rmse=float(np.sqrt(np.mean(off_mean**2))), mae=float(np.mean(np.abs(off_median))))


def oracle_answers(rows: pd.DataFrame, distributions: Distributions) -> NDArray[np.float64]:
    """Return the oracle's answer for each row (category), (N,) in cm: its category's mean."""
    return _by_category(rows, distributions, mean_of)


def excess(rmse: float, oracle: OracleErrors | None) -> float | None:
    """Return by which share an RMSE is above the oracle's; None where there is no oracle, or where it never errs."""
    return None if oracle is None or oracle.rmse == 0 else rmse / oracle.rmse - 1


def leak(rows: pd.DataFrame, distributions: Distributions, seed: int) -> Leak:
    """Return the probability that predictions go with the labels' noise by chance; a small one means a leak.

    A label is its category's mean and noise that no picture knows. So within a category labels may be shuffled among
    the images, and the predictions must not fit the true order better than shuffled ones: an exact permutation test,
    whatever the head is. `rows`: category, label, prediction. https://doi.org/10.1007/b138265
    """
    random = np.random.default_rng(seed)
    noise = rows["label"].to_numpy(dtype=np.float64) - _by_category(rows, distributions, mean_of)
    predictions = rows["prediction"].astype(np.float64)
    centred = (predictions - predictions.groupby(rows["category"]).transform("mean")).to_numpy()
    fit, shuffled = float(noise @ centred), np.zeros(SHUFFLES)
    for positions in rows.reset_index(drop=True).groupby("category").indices.values():
        size = max(1, BLOCK_SIZE // len(positions))
        for start in range(0, SHUFFLES, size):
            count = min(size, SHUFFLES - start)
            orders = random.permuted(np.tile(noise[positions], (count, 1)), axis=1)
            shuffled[start : start + count] += np.matmul(orders, centred[positions])
    p = float((1 + (shuffled >= fit - 1e-9 * abs(fit)).sum()) / (1 + SHUFFLES))
    return Leak(p=p, alarm=p <= ALARM_PROBABILITY)


def _by_category(
    rows: pd.DataFrame, distributions: Distributions, statistic: Callable[[Normal], float]
) -> NDArray[np.float64]:
    known = {name: statistic(distribution) for name, distribution in distributions.items() if distribution is not None}
    return np.asarray(rows["category"].map(known), dtype=np.float64)
