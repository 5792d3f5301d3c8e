"""Ridge regression on what the categories leave unexplained of the lengths, where that helps."""

import numpy as np
from numpy.typing import NDArray

# N images, D features
STRENGTHS = (1e2, 1e3, 1e4, 1e5)
"""Penalties that are tried."""
MIN_STANDARD_ERRORS = 3.0
"""The regression must lower the validation error by this many standard errors; a smaller gain is chance, because with
few images one of several strengths always seems to help."""


def ridge_weights(
    x: NDArray[np.float64],
    residuals: NDArray[np.float64],
    is_train: NDArray[np.bool_],
    is_validation: NDArray[np.bool_],
) -> NDArray[np.float64] | None:
    """Return the weights, (D,), of a ridge regression of residuals, (N,) in cm, on scaled features, (N, D).

    None where it does not help on the validation images. Solved in the dual, (N, N) whatever D:
    https://doi.org/10.5555/645527.657464.
    """
    gram = x[is_train] @ x[is_train].T
    squared_without = residuals[is_validation] ** 2
    best_error, best_weights = float(np.mean(squared_without)), None
    for strength in STRENGTHS:
        dual = np.linalg.solve(gram + strength * np.eye(len(gram)), residuals[is_train])
        weights = x[is_train].T @ dual
        squared = (residuals[is_validation] - x[is_validation] @ weights) ** 2
        error = float(np.mean(squared))
        if error < best_error and _is_significant(squared_without - squared):
            best_error, best_weights = error, weights
    return best_weights


def _is_significant(gains: NDArray[np.float64]) -> bool:
    """Whether the mean of gains, one an image, is more than chance."""
    return float(gains.mean()) > MIN_STANDARD_ERRORS * float(gains.std()) / np.sqrt(len(gains))
