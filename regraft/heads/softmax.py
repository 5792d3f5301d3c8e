"""Softmax regression. The problem is convex.

In the principal coordinates of the features, in which the loss curves about alike in all directions, L-BFGS needs some
twenty steps, and no more coordinates than there are images.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, minimize
from scipy.special import log_softmax

from regraft.heads.principal import MIN_EIGENVALUE_SHARE, Matrix, Principal, Values, Weights

# N images, D features, C categories, R principal coordinates
CURVATURE = 0.2
"""Of C categories, the mean curvature of the loss by each category's score is about this by C."""
TOLERANCE = 1e-5
"""A loss that is lower by less than this is the lowest."""


@dataclass(frozen=True)
class Softmax:
    """A trained regression."""

    kernel: Matrix
    """(D, C)"""
    bias: Matrix
    """(C,)"""
    history: dict[str, list[float]]
    """loss, with the penalty, and val_loss by step: of the first fold, where there are folds."""

    @classmethod
    def of(cls, images: Principal, weights: Weights, history: dict[str, list[float]]) -> "Softmax":
        """Return the regression with some weights in the principal coordinates of images."""
        kernel = images.directions @ weights[:-1]
        return cls(kernel.astype(np.float32), weights[-1].astype(np.float32), history)

    def probabilities(self, x: Matrix) -> NDArray[np.float64]:
        """Return the categories' probabilities, (N, C), of scaled features (N, D)."""
        return probabilities_of(x, self.kernel, self.bias).astype(np.float64)

    def times(self, factor: float) -> "Softmax":
        """Return the regression with all scores multiplied by a factor: surer, if it is above 1."""
        return Softmax(np.float32(factor) * self.kernel, np.float32(factor) * self.bias, self.history)

    def before(self, mixing: Matrix) -> "Softmax":
        """Return the regression of features, (N, D), that this is of once they are multiplied by `mixing`, (D, K)."""
        return Softmax(mixing @ self.kernel, self.bias, self.history)


def probabilities_of(x: Matrix, kernel: Matrix, bias: Matrix) -> Matrix:
    """Return the categories' probabilities, (N, C), of scaled features (N, D)."""
    probabilities = x @ kernel
    probabilities += bias
    probabilities -= probabilities.max(axis=1, keepdims=True)
    np.exp(probabilities, out=probabilities)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return probabilities


def regression(
    images: Principal,
    targets: Values,
    decay: float,
    steps: int,
    after_step: Callable[[Weights, float], None] = lambda weights, loss: None,
) -> Weights:
    """Return the weights with the lowest mean cross-entropy and penalty.

    `targets`, (N, C), are the probabilities of the images' categories.
    """
    count, width = images.values.shape
    curvatures = CURVATURE / images.categories * np.append((images.values**2).mean(axis=0), 1.0)
    curvatures[:-1] += 2 * decay
    scales = 1 / np.sqrt(np.maximum(curvatures, MIN_EIGENVALUE_SHARE * curvatures.max()))[:, None]
    shape = (width + 1, images.categories)
    values = images.values.astype(np.float32)  # twice as fast, and as exact as the features

    def objective(point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = point.reshape(shape) * scales
        logs = log_softmax(values @ weights[:-1].astype(np.float32) + weights[-1], axis=1)
        loss = _cross_entropy(logs, targets) + decay * float((weights[:-1] ** 2).sum())
        error = (np.exp(logs) - targets) / count
        slopes = np.vstack([values.T @ error.astype(np.float32) + 2 * decay * weights[:-1], error.sum(axis=0)])
        return loss, (slopes * scales).reshape(-1)

    def callback(intermediate_result: OptimizeResult) -> None:
        after_step(intermediate_result.x.reshape(shape) * scales, float(intermediate_result.fun))

    options = {"maxiter": steps, "ftol": TOLERANCE, "gtol": 0.0}
    start = np.zeros(shape).reshape(-1)
    best = minimize(objective, start, jac=True, method="L-BFGS-B", callback=callback, options=options)
    return np.asarray(best.x.reshape(shape) * scales)


def losses_by_step(images: Principal, is_out: NDArray[np.bool_], decay: float, steps: int) -> dict[str, list[float]]:
    """Return the losses by step of learning from some images, and on those that are left out."""
    history: dict[str, list[float]] = {"loss": [], "val_loss": []}
    inside, outside = images.rows(np.flatnonzero(~is_out)), images.rows(np.flatnonzero(is_out))

    def after_step(weights: Weights, loss: float) -> None:
        history["loss"].append(loss)
        history["val_loss"].append(_cross_entropy(log_softmax(outside.scores(weights), axis=1), outside.one_hot))

    regression(inside, inside.one_hot, decay, steps, after_step)
    return history


def _cross_entropy(logs: Values, targets: Values) -> float:
    """The mean over images, from logarithms of probabilities and what these should be, (N, C)."""
    return float(-(targets * logs).sum() / len(logs))
