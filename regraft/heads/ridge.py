"""Ridge regression on what the categories leave unexplained of the lengths, where that helps."""

import numpy as np
from numpy.typing import NDArray

from regraft.heads.moments import Rows, evenly, products
from regraft.heads.training_data import TrainingData
from regraft.store.feature_rows import FeatureRows

# N images, D features
STRENGTHS = (1e2, 1e3, 1e4, 1e5)
"""Penalties that are tried."""
MIN_STANDARD_ERRORS = 3.0
"""What is added must lower the validation error by this many standard errors; a smaller gain is chance, because with
few images one of several strengths always seems to help."""
MAX_EQUATIONS = 4096
"""Equations that are solved at most. There are as many as images or as features, whichever are fewer; where both are
more, the regression learns from so many of the images."""


def ridge_weights(data: TrainingData, residuals: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return the weights, (D,), of a ridge regression of residuals, (N,) in cm, on the features.

    None where it does not help on the validation images.
    """
    candidates = _weights(data.x, residuals, data.train)
    blocks = data.x.blocks(data.validation)
    squared = np.concatenate([(residuals[rows, None] - block @ candidates.T) ** 2 for rows, block in blocks])
    squared_without = residuals[data.validation] ** 2
    best_error, best_weights = float(np.mean(squared_without)), None
    for weights, errors in zip(candidates, squared.T, strict=True):
        error = float(np.mean(errors))
        if error < best_error and is_significant(squared_without - errors):
            best_error, best_weights = error, weights
    return best_weights


def _weights(x: FeatureRows, residuals: NDArray[np.float64], train: Rows) -> NDArray[np.float64]:
    """The weights for each strength, (strengths, D).

    Solved in D equations where images are more than features, in N where they are fewer:
    https://doi.org/10.5555/645527.657464.
    """
    width = x.shape[1]
    if len(train) > width and width <= MAX_EQUATIONS:
        system = products(x, train)
        fit = np.zeros(width)
        for rows, block in x.blocks(train):
            fit += block.T.astype(np.float64) @ residuals[rows]
        return np.stack([np.linalg.solve(system + strength * np.eye(width), fit) for strength in STRENGTHS])
    train = evenly(train, MAX_EQUATIONS)
    features = x.read(train).astype(np.float64)
    system = features @ features.T
    duals = [np.linalg.solve(system + strength * np.eye(len(train)), residuals[train]) for strength in STRENGTHS]
    return np.asarray(np.stack(duals) @ features)


def is_significant(gains: NDArray[np.float64]) -> bool:
    """Return whether the mean of gains, (N,) one an image, is more than chance."""
    return float(gains.mean()) > MIN_STANDARD_ERRORS * float(gains.std()) / np.sqrt(len(gains))
