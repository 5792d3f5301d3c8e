"""Softmax regression on features that are in memory: the whole batch in each step, by Adam, in NumPy.

The problem is convex and small, and a step is two matrix products: 600 images take 0.03 s, where Keras's `fit` took
4 s, nearly all of it spent between the products.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regraft.config import HeadSettings
from regraft.heads.training_data import TrainingData

# N images, D features, C categories
Matrix = NDArray[np.float32]
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-7
"""Of Adam: https://arxiv.org/abs/1412.6980."""
MIN_GAIN = 1e-4
"""A validation loss that is lower by less than this is not better."""
MIN_PROBABILITY = 1e-12
"""For the logarithm."""


@dataclass(frozen=True)
class Softmax:
    """A trained regression."""

    kernel: Matrix
    """(D, C)"""
    bias: Matrix
    """(C,)"""
    history: dict[str, list[float]]
    """loss, with the penalty, and val_loss by epoch, until there was no gain or a loss was not a number."""

    def probabilities(self, x: Matrix) -> NDArray[np.float64]:
        """Return the categories' probabilities, (N, C), of scaled features (N, D)."""
        return probabilities_of(x, self.kernel, self.bias).astype(np.float64)


class _Adam:
    """Adam's steps for a kernel and a bias."""

    def __init__(self, learning_rate: float, parameters: list[Matrix]) -> None:
        self._learning_rate, self._parameters = learning_rate, parameters
        self._means = [np.zeros_like(part) for part in parameters]
        self._squares = [np.zeros_like(part) for part in parameters]

    def step(self, epoch: int, gradients: tuple[Matrix, Matrix]) -> None:
        """Change the parameters in place; epochs count from 1."""
        rate = self._learning_rate * np.sqrt(1 - BETA2**epoch) / (1 - BETA1**epoch)
        for parameter, mean, square, gradient in zip(
            self._parameters, self._means, self._squares, gradients, strict=True
        ):
            mean += (1 - BETA1) * (gradient - mean)
            square += (1 - BETA2) * (gradient * gradient - square)
            parameter -= (rate * mean / (np.sqrt(square) + EPSILON)).astype(np.float32)


def fit_softmax(data: TrainingData, settings: HeadSettings) -> Softmax:
    """Return the regression of the categories on the features; it stops by the validation images' cross-entropy."""
    x_train, x_validation = data.x.read(data.train), data.x.read(data.validation)
    index_train, index_validation = data.category[data.train], data.category[data.validation]
    one_hot = np.eye(data.categories, dtype=np.float32)[index_train]
    kernel, bias = np.zeros((x_train.shape[1], data.categories), np.float32), np.zeros(data.categories, np.float32)
    adam = _Adam(settings.learning_rate, [kernel, bias])
    best_loss, best_epoch, best = np.inf, 0, (kernel.copy(), bias.copy())
    history: dict[str, list[float]] = {"loss": [], "val_loss": []}
    for epoch in range(1, settings.epochs + 1):
        probabilities = probabilities_of(x_train, kernel, bias)
        penalty = settings.weight_decay * float((kernel**2).sum())
        history["loss"].append(_cross_entropy(probabilities, index_train) + penalty)
        error = probabilities - one_hot
        adam.step(epoch, (x_train.T @ error / len(x_train) + 2 * settings.weight_decay * kernel, error.mean(axis=0)))
        loss = _cross_entropy(probabilities_of(x_validation, kernel, bias), index_validation)
        history["val_loss"].append(loss)
        if loss < best_loss - MIN_GAIN:
            best_loss, best_epoch, best = loss, epoch, (kernel.copy(), bias.copy())
        elif epoch - best_epoch >= settings.patience or not np.isfinite(loss):
            break
    return Softmax(*best, history)


def probabilities_of(x: Matrix, kernel: Matrix, bias: Matrix) -> Matrix:
    """Return the categories' probabilities, (N, C), of scaled features (N, D)."""
    probabilities = x @ kernel
    probabilities += bias
    probabilities -= probabilities.max(axis=1, keepdims=True)
    np.exp(probabilities, out=probabilities)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return probabilities


def _cross_entropy(probabilities: Matrix, category_index: NDArray[np.int64]) -> float:
    own = probabilities[np.arange(len(category_index)), category_index]
    return float(-np.log(np.maximum(own, MIN_PROBABILITY)).mean())
