"""Softmax regression whose weight decay, and how sure it is, cross-validation chooses; then it learns from all images.

The problem is convex. In the principal coordinates of the features, in which the loss curves about alike in all
directions, L-BFGS needs some twenty steps, and no more coordinates than there are images.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, minimize
from scipy.special import log_softmax, softmax

from regraft.config import HeadSettings
from regraft.heads.moments import Rows, evenly
from regraft.heads.training_data import TrainingData

# N images, D features, C categories, R principal coordinates
Matrix = NDArray[np.float32]
FOLDS = 5
MAX_IMAGES = 4096
MAX_NUMBERS = 20_000_000
"""Images, and features of them, that cross-validation takes at most; of more, those that are evenly spread."""
DECAYS = (0.1, 1.0, 10.0, 100.0, 1000.0)
"""Weight decays that are tried, by that in the settings. With a large one the weights are the categories' means."""
FACTORS = np.geomspace(0.25, 1024, 25)
"""Factors on the scores that are tried: weight decay makes scores small, so that probabilities are less sure than they
should be: https://proceedings.mlr.press/v70/guo17a.html."""
WRONG_SHARES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3)
"""Shares of wrong labels that are tried. A wrong label may be of any category, and says nothing of the picture:
https://doi.org/10.1109/TNNLS.2013.2292894. So a list with wrong labels does not make probabilities unsure."""
CURVATURE = 0.2
"""Of C categories, the mean curvature of the loss by each category's score is about this by C."""
MIN_EIGENVALUE_SHARE = 1e-6
"""Of the largest: directions in which features vary by less are left out."""
TOLERANCE = 1e-5
"""A loss that is lower by less than this is the lowest."""
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
    """loss, with the penalty, and val_loss by step: of the first fold, where there are folds."""

    def probabilities(self, x: Matrix) -> NDArray[np.float64]:
        """Return the categories' probabilities, (N, C), of scaled features (N, D)."""
        return probabilities_of(x, self.kernel, self.bias).astype(np.float64)

    def times(self, factor: float) -> "Softmax":
        """Return the regression with all scores multiplied by a factor: surer, if it is above 1."""
        return Softmax(np.float32(factor) * self.kernel, np.float32(factor) * self.bias, self.history)


@dataclass(frozen=True)
class Choice:
    """What cross-validation chose."""

    weight_decay: float
    factor: float
    """By which scores are multiplied."""
    history: dict[str, list[float]]
    """loss and val_loss by step of the first fold."""
    rows: Rows
    """(K,) the images that took part."""
    left_out: NDArray[np.float64]
    """(K, C) their categories' probabilities by the folds that they are not in."""


@dataclass(frozen=True)
class _Principal:
    """N images in the principal coordinates of their scaled features."""

    values: NDArray[np.float64]
    """(N, R)"""
    directions: Matrix
    """(D, R) float32, orthonormal."""
    index: NDArray[np.int64]
    """(N,) each image's category, 0 to C - 1."""
    categories: int

    @classmethod
    def of(cls, x: Matrix, index: NDArray[np.int64], categories: int) -> "_Principal":
        """The coordinates follow from the products of images or of features, whichever are fewer."""
        is_few = len(x) <= x.shape[1]
        products = x @ x.T if is_few else x.T @ x
        eigenvalues, vectors = np.linalg.eigh(products.astype(np.float64))
        is_kept = eigenvalues > MIN_EIGENVALUE_SHARE * max(eigenvalues[-1], 1.0)
        lengths, vectors = np.sqrt(eigenvalues[is_kept]), vectors[:, is_kept]
        if is_few:
            return cls(vectors * lengths, x.T @ (vectors / lengths).astype(np.float32), index, categories)
        return cls(x @ vectors, vectors.astype(np.float32), index, categories)

    def rows(self, rows: NDArray[np.int64]) -> "_Principal":
        """Some of the images."""
        return _Principal(self.values[rows], self.directions, self.index[rows], self.categories)

    def scores(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """The categories' scores, (N, C), by weights (R + 1, C), the last row for the bias."""
        return self.values @ weights[:-1] + weights[-1]


def fit_softmax(data: TrainingData, settings: HeadSettings) -> tuple[Softmax, Choice]:
    """Return the regression of the categories on all images to learn from, in memory, and what it was chosen by."""
    choice, images = _chosen(data, settings)
    weights = _fit(images, choice.weight_decay, settings.epochs) * choice.factor
    kernel = images.directions @ weights[:-1]
    return Softmax(kernel.astype(np.float32), weights[-1].astype(np.float32), choice.history), choice


def choice_of(data: TrainingData, settings: HeadSettings) -> Choice:
    """Return what cross-validation chooses, on at most `max_images` of the images."""
    return _chosen(data, settings)[0]


def max_images(width: int) -> int:
    """Return how many images of so many features cross-validation takes at most."""
    return max(FOLDS, min(MAX_IMAGES, MAX_NUMBERS // width))


def probabilities_of(x: Matrix, kernel: Matrix, bias: Matrix) -> Matrix:
    """Return the categories' probabilities, (N, C), of scaled features (N, D)."""
    probabilities = x @ kernel
    probabilities += bias
    probabilities -= probabilities.max(axis=1, keepdims=True)
    np.exp(probabilities, out=probabilities)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return probabilities


def _chosen(data: TrainingData, settings: HeadSettings) -> tuple[Choice, _Principal]:
    """What cross-validation chooses, and the images that it took.

    The decay goes by the Brier score, which a wrong label moves by 2 at most; how sure the scores should be, and which
    share of labels is wrong, by the log loss.
    """
    rows = evenly(np.sort(np.concatenate([data.train, data.validation])), max_images(data.x.shape[1]))
    images = _Principal.of(data.x.read(rows), data.category[rows], data.categories)
    fold, decays = _folds(images.index), [settings.weight_decay * times for times in DECAYS]
    scores = [_left_out(images, fold, decay, settings.epochs) for decay in decays]
    losses = [_losses(each, images.index) for each in scores]
    best = int(np.argmin([brier.min() for brier, _ in losses]))
    factor = FACTORS[np.unravel_index(losses[best][1].argmin(), losses[best][1].shape)[0]]
    history = _history(images, fold == 0, decays[best], settings.epochs)
    left_out = softmax(factor * scores[best], axis=1)
    return Choice(decays[best], float(factor), history, rows, left_out), images


def _losses(scores: NDArray[np.float64], index: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The Brier scores, but for what they have in common, and the log losses, by factor and by share of wrong labels.

    Their own categories count as a little less than certain, so that few images cannot ask for certainty:
    https://en.wikipedia.org/wiki/Platt_scaling. To suppose wrong labels costs what Akaike's criterion says.
    """
    count, categories = scores.shape
    doubt = 1 / (count + 2)
    brier, log_loss = (np.empty((len(FACTORS), len(WRONG_SHARES))) for _ in range(2))
    for i, factor in enumerate(FACTORS):
        logs = log_softmax(factor * scores, axis=1)
        own, squares = np.exp(logs[np.arange(count), index]), np.exp(2 * logs).sum(axis=1).mean()
        for j, share in enumerate(WRONG_SHARES):
            shown = (1 - share) * own + share / categories
            spread = (2 * share - share**2) / categories
            brier[i, j] = (1 - share) ** 2 * squares + spread - 2 * (1 - doubt) * shown.mean()
            fit = (1 - doubt) * np.log(np.maximum(shown, MIN_PROBABILITY)).mean() + doubt * logs.mean()
            log_loss[i, j] = (share > 0) / count - fit
    return brier, log_loss


def _folds(index: NDArray[np.int64]) -> NDArray[np.int64]:
    """The fold of each image, (N,), so that each has its share of every category."""
    order = np.argsort(index, kind="stable")
    fold = np.empty_like(index)
    fold[order] = np.arange(len(index)) % FOLDS
    return fold


def _left_out(images: _Principal, fold: NDArray[np.int64], decay: float, steps: int) -> NDArray[np.float64]:
    """The scores, (N, C), of each image by the images of the other folds."""
    scores = np.empty((len(fold), images.categories))
    for number in range(FOLDS):
        is_out = fold == number
        weights = _fit(images.rows(np.flatnonzero(~is_out)), decay, steps)
        scores[is_out] = images.rows(np.flatnonzero(is_out)).scores(weights)
    return scores


def _history(images: _Principal, is_out: NDArray[np.bool_], decay: float, steps: int) -> dict[str, list[float]]:
    """The losses by step of learning from some images, and on those that are left out."""
    history: dict[str, list[float]] = {"loss": [], "val_loss": []}
    inside, outside = images.rows(np.flatnonzero(~is_out)), images.rows(np.flatnonzero(is_out))

    def after_step(weights: NDArray[np.float64], loss: float) -> None:
        history["loss"].append(loss)
        history["val_loss"].append(_cross_entropy(softmax(outside.scores(weights), axis=1), outside.index))

    _fit(inside, decay, steps, after_step)
    return history


def _fit(
    images: _Principal,
    decay: float,
    steps: int,
    after_step: Callable[[NDArray[np.float64], float], None] = lambda weights, loss: None,
) -> NDArray[np.float64]:
    """The weights, (R + 1, C), with the lowest mean cross-entropy and penalty."""
    count, width = images.values.shape
    curvatures = CURVATURE / images.categories * np.append((images.values**2).mean(axis=0), 1.0)
    curvatures[:-1] += 2 * decay
    scales = 1 / np.sqrt(np.maximum(curvatures, MIN_EIGENVALUE_SHARE * curvatures.max()))[:, None]
    one_hot = np.eye(images.categories)[images.index]
    shape = (width + 1, images.categories)

    def objective(point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = point.reshape(shape) * scales
        probabilities = softmax(images.scores(weights), axis=1)
        loss = _cross_entropy(probabilities, images.index) + decay * float((weights[:-1] ** 2).sum())
        error = (probabilities - one_hot) / count
        slopes = np.vstack([images.values.T @ error + 2 * decay * weights[:-1], error.sum(axis=0)])
        return loss, (slopes * scales).reshape(-1)

    def callback(intermediate_result: OptimizeResult) -> None:
        after_step(intermediate_result.x.reshape(shape) * scales, float(intermediate_result.fun))

    options = {"maxiter": steps, "ftol": TOLERANCE, "gtol": 0.0}
    start = np.zeros(shape).reshape(-1)
    best = minimize(objective, start, jac=True, method="L-BFGS-B", callback=callback, options=options)
    return np.asarray(best.x.reshape(shape) * scales)


def _cross_entropy(probabilities: NDArray[np.float64], index: NDArray[np.int64]) -> float:
    own = probabilities[np.arange(len(index)), index]
    return float(-np.log(np.maximum(own, MIN_PROBABILITY)).mean())
