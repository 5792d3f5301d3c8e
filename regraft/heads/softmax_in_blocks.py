"""Softmax regression on more features than fit into memory: by L-BFGS, reading them block by block in each step.

Each step reads all training features, so there must be few. In coordinates in which the loss curves about alike in all
directions some ten steps are enough, where it would be forty in the features' own and hundreds by Adam. There the
regression's Hessian is bounded by the features' products: https://doi.org/10.1007/BF00048682.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, minimize

from regraft.config import HeadSettings
from regraft.heads.moments import evenly, products
from regraft.heads.principal import MIN_EIGENVALUE_SHARE, Matrix
from regraft.heads.softmax import CURVATURE, TOLERANCE, Softmax, probabilities_of
from regraft.heads.sureness import MIN_PROBABILITY
from regraft.heads.training_data import TrainingData

# N images, D features, C categories
MAX_IMAGES = 20_480
"""Training images that the coordinates are chosen by; of more, so many that are evenly spread over them."""
MAX_WIDTH = 4096
"""Features up to which the coordinates are chosen by their products; more of them are left as they are."""
MIN_GAIN = 1e-4
"""A validation loss that is lower by less than this is not better."""
MAX_PATIENCE = 5
"""Steps without a better validation loss, after which no more are taken: each goes as far as many of Adam's."""


@dataclass(frozen=True)
class _Coordinates:
    """The coordinates that the steps are taken in: (D + 1, C), the last row for the bias."""

    basis: NDArray[np.float64] | None
    """(D, D), symmetric; None for the features' own."""
    bias_scale: float

    def parameters(self, point: NDArray[np.float64]) -> tuple[Matrix, Matrix]:
        """Return kernel and bias, (D, C) and (C,), at a point."""
        kernel = point[:-1] if self.basis is None else self.basis @ point[:-1]
        return kernel.astype(np.float32), (point[-1] * self.bias_scale).astype(np.float32)

    def slopes(self, kernel: NDArray[np.float64], bias: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the slopes by the coordinates, from those by kernel and bias."""
        return np.vstack([kernel if self.basis is None else self.basis @ kernel, bias * self.bias_scale])


def fit_softmax_in_blocks(data: TrainingData, settings: HeadSettings) -> Softmax:
    """Return the regression of the categories on the features.

    Of its steps, that with the lowest cross-entropy on the validation images counts.
    """
    decay, shape = settings.weight_decay, (data.x.shape[1] + 1, data.categories)
    coordinates = _coordinates(data, 2 * decay)
    train, validation = (rows[data.x.reading_order(rows)] for rows in (data.train, data.validation))
    data = replace(data, train=train, validation=validation)
    history: dict[str, list[float]] = {"loss": [], "val_loss": []}
    best = coordinates.parameters(np.zeros(shape))

    def objective(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        kernel, bias = coordinates.parameters(flat.reshape(shape))
        loss, kernel_slopes, bias_slopes = _loss_and_slopes(data, kernel, bias)
        kernel_slopes += 2 * decay * kernel
        penalty = decay * float(np.square(kernel, dtype=np.float64).sum())
        return loss + penalty, coordinates.slopes(kernel_slopes, bias_slopes).reshape(-1)

    def after_step(intermediate_result: OptimizeResult) -> None:
        nonlocal best
        parameters = coordinates.parameters(intermediate_result.x.reshape(shape))
        loss = _cross_entropy(data, *parameters)
        if loss < min(history["val_loss"], default=np.inf):
            best = parameters
        history["loss"].append(float(intermediate_result.fun))
        history["val_loss"].append(loss)
        if not np.isfinite(loss) or _is_patience_over(history["val_loss"], min(settings.patience, MAX_PATIENCE)):
            raise StopIteration

    options = {"maxiter": settings.epochs, "ftol": TOLERANCE, "gtol": 0.0}
    minimize(objective, np.zeros(shape).reshape(-1), jac=True, method="L-BFGS-B", callback=after_step, options=options)
    return Softmax(*best, history)


def _is_patience_over(losses: list[float], patience: int) -> bool:
    """Whether the last `patience` losses are no better than one before."""
    return len(losses) > patience and min(losses[-patience:]) > min(losses[:-patience]) - MIN_GAIN


def _coordinates(data: TrainingData, penalty: float) -> _Coordinates:
    """Coordinates in which the cross-entropy and a quadratic penalty curve about alike."""
    curvature = CURVATURE / data.categories
    bias_scale = float(1 / np.sqrt(curvature))
    if data.x.shape[1] > MAX_WIDTH:
        return _Coordinates(None, bias_scale)
    rows = evenly(data.train, MAX_IMAGES)
    eigenvalues, eigenvectors = np.linalg.eigh(products(data.x, rows) / len(rows))
    curvatures = curvature * np.maximum(eigenvalues, 0) + penalty
    scales = 1 / np.sqrt(np.maximum(curvatures, MIN_EIGENVALUE_SHARE * curvatures.max()))
    return _Coordinates((eigenvectors * scales) @ eigenvectors.T, bias_scale)


def _loss_and_slopes(
    data: TrainingData, kernel: Matrix, bias: Matrix
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """The mean cross-entropy of the images to learn from, and its slopes by kernel and bias."""
    loss, kernel_slopes, bias_slopes = 0.0, np.zeros(kernel.shape), np.zeros(bias.shape)
    for rows, block in data.x.blocks(data.train):
        error = probabilities_of(block, kernel, bias)
        own = np.arange(len(block)), data.category[rows]
        loss -= float(np.log(np.maximum(error[own], MIN_PROBABILITY)).sum(dtype=np.float64))
        error[own] -= 1
        kernel_slopes += block.T @ error
        bias_slopes += error.sum(axis=0, dtype=np.float64)
    count = len(data.train)
    return loss / count, kernel_slopes / count, bias_slopes / count


def _cross_entropy(data: TrainingData, kernel: Matrix, bias: Matrix) -> float:
    """The mean cross-entropy of the validation images."""
    loss = 0.0
    for rows, block in data.x.blocks(data.validation):
        own = probabilities_of(block, kernel, bias)[np.arange(len(block)), data.category[rows]]
        loss -= float(np.log(np.maximum(own, MIN_PROBABILITY)).sum(dtype=np.float64))
    return loss / len(data.validation)
