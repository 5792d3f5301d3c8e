"""Regressions whose predictions are linear in the numbers that they learn, so that each image can be left out for free.

With the hat matrix H, fitted = H values, the prediction for an image by all others is
value - (value - fitted) / (1 - h): https://doi.org/10.1080/00401706.1974.10489157. The intercept adds 1/N to each h.
Near-duplicates are left out together, for each of them gives the others away: with their part of H in place of h.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regraft.heads.layers import SIMILARITY_LAYER, WITHIN_CATEGORY_LAYER
from regraft.heads.moments import Rows, directions, products
from regraft.store.feature_rows import FeatureRows

# N images, D features, S strengths, M near-duplicates, R coordinates
STRENGTHS = np.geomspace(1e-2, 1e3, 11)
"""(S,) penalties that are tried, by the mean square of an image's features."""
MIN_FREEDOM = 1e-6
"""What 1 - h is at least, for the division."""
MAX_TOGETHER = 256
"""Near-duplicates that are left out together; of more, so many at a time."""
CLUSTERS_AT_ONCE = 16
"""Whose images' features are in memory at a time."""
Values = NDArray[np.float64]
"""(N, S) numbers to learn, a column for each strength."""
Cluster = NDArray[np.int64]
"""(N,) numbers that near-duplicates share."""


@dataclass(frozen=True)
class Together:
    """Near-duplicates that are left out together."""

    rows: Rows
    """(M,)"""
    gain: NDArray[np.float64]
    """(S, M, M) by which what is left unexplained of them grows once they are left out: the inverse of I - H."""

    @classmethod
    def of(cls, rows: Rows, coordinates: Values, shares: Values, count: int) -> "Together":
        """Return M of `count` images, for whose coordinates, (M, R), H is coordinates * shares * coordinates + 1/N.

        `shares`, (R, S): of each coordinate, how much of it each strength learns.
        """
        hat = (coordinates * shares.T[:, None]) @ coordinates.T + 1 / count
        freedoms, vectors = np.linalg.eigh(np.eye(len(rows)) - hat)
        return cls(rows, (vectors / np.maximum(freedoms, MIN_FREEDOM)[:, None]) @ vectors.swapaxes(1, 2))


def near_duplicates(cluster: Cluster) -> Iterator[Rows]:
    """Yield the rows, (M,), of the images of each cluster that has several."""
    order = np.argsort(cluster, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(cluster[order])) + 1):
        if len(rows) > 1:
            yield from np.array_split(rows, -(-len(rows) // MAX_TOGETHER))


class Regression(ABC):
    """A trained regression."""

    @abstractmethod
    def output(self, x: Any) -> Any:
        """Return its answers, (N, 1), as a Keras tensor, from one of scaled features (N, D)."""


@dataclass(frozen=True)
class LinearRegression(Regression):
    """Answers are sums of features."""

    weights: NDArray[np.float64]
    """(D,)"""
    offset: float

    def output(self, x: Any) -> Any:
        """Return its answers, (N, 1), as a Keras tensor, from one of scaled features (N, D)."""
        return _with_weights(x, self.weights[:, None], np.array([self.offset]), "linear", WITHIN_CATEGORY_LAYER)


@dataclass(frozen=True)
class KernelRegression(Regression):
    """Answers are sums of an image's similarities to the images learnt from: see `similarities`."""

    references: NDArray[np.float32]
    """(M, D) scaled features of length 1 of the images learnt from."""
    width: float
    weights: NDArray[np.float64]
    """(M,)"""
    offset: float

    def output(self, x: Any) -> Any:
        """Return its answers, (N, 1), as a Keras tensor, from one of scaled features (N, D)."""
        import keras  # takes seconds, and smoothing does without it

        unit = keras.layers.UnitNormalization(name="direction")(x)
        biases = np.full(len(self.references), -self.width)
        similar = _with_weights(unit, self.width * self.references.T, biases, "exponential", SIMILARITY_LAYER)
        return _with_weights(similar, self.weights[:, None], np.array([self.offset]), "linear", WITHIN_CATEGORY_LAYER)


class Smoother(ABC):
    """Regressions on the same images, one for each of STRENGTHS."""

    _hat: Values
    """(N, S) how much of its own number an image is predicted."""
    _together: list[Together]

    def left_out(self, values: Values) -> Values:
        """Return what each of N images would be predicted by all that are no near-duplicates of it, (N, S).

        Each strength learns its column.
        """
        unexplained = values - self._fitted(values)
        left_out = values - unexplained / np.maximum(1 - self._hat, MIN_FREEDOM)
        for each in self._together:
            left_out[each.rows] = values[each.rows] - np.einsum("smn,ns->ms", each.gain, unexplained[each.rows])
        return left_out

    @abstractmethod
    def _fitted(self, values: Values) -> Values:
        """What each image is predicted by all, it itself included, (N, S)."""

    @abstractmethod
    def regression(self, values: NDArray[np.float64], strength: int) -> Regression:
        """Return the regression of values, (N,), with the strength at this position of STRENGTHS."""


class KernelSmoother(Smoother):
    """Regression on the similarities of N images, in N equations; `width` None: on products, which is linear.

    Kernel ridge regression: https://doi.org/10.5555/645527.657464. Similarities go by the angle between scaled
    features, whose length says little about a picture, and are at most 1.
    """

    def __init__(self, x: NDArray[np.float32], width: float | None, cluster: Cluster) -> None:
        self._x, self._width = (x if width is None else directions(x)), width
        products = (self._x @ self._x.T).astype(np.float64)
        gram = products if width is None else similarities(products, width)
        self._means = gram.mean(axis=0)
        gram -= self._means + self._means[:, None] - self._means.mean()
        eigenvalues, self._vectors = np.linalg.eigh(gram)
        self._eigenvalues = np.maximum(eigenvalues, 0)
        self._penalties = _penalties(self._eigenvalues.sum(), len(x))
        shares = self._eigenvalues[:, None] / (self._eigenvalues[:, None] + self._penalties)
        self._shares, self._hat = shares, self._vectors**2 @ shares + 1 / len(x)
        self._together = [Together.of(rows, self._vectors[rows], shares, len(x)) for rows in near_duplicates(cluster)]

    def _fitted(self, values: Values) -> Values:
        means = values.mean(axis=0)
        return np.asarray(means + self._vectors @ (self._shares * (self._vectors.T @ (values - means))))

    def regression(self, values: NDArray[np.float64], strength: int) -> Regression:
        """Return the regression of values, (N,), with the strength at this position of STRENGTHS."""
        mean = float(values.mean())
        weights = self._vectors @ (self._vectors.T @ (values - mean) / (self._eigenvalues + self._penalties[strength]))
        if self._width is None:
            linear = (self._x.T @ weights.astype(np.float32)).astype(np.float64)
            return LinearRegression(linear, mean - float(self._x.mean(axis=0, dtype=np.float64) @ linear))
        return KernelRegression(self._x, self._width, weights, mean - float(self._means @ weights))


class RidgeSmoother(Smoother):
    """Regression on D features, in D equations: reads features block by block, however many images there are."""

    def __init__(self, x: FeatureRows, rows: Rows, cluster: Cluster) -> None:
        self._x, self._rows, self._mean = x, rows, x.mean(rows)
        gram = products(x, rows) - len(rows) * np.outer(self._mean, self._mean)
        eigenvalues, self._vectors = np.linalg.eigh(gram)
        self._penalties = _penalties(float(np.trace(gram)), len(rows))
        self._inverses = 1 / (np.maximum(eigenvalues, 0)[:, None] + self._penalties)
        self._hat = self._mapped(lambda block: (block @ self._vectors) ** 2 @ self._inverses) + 1 / len(rows)
        self._together = list(self._left_out_together(list(near_duplicates(cluster))))

    def _fitted(self, values: Values) -> Values:
        means, weights = values.mean(axis=0), self._weights(values)
        return np.asarray(means + self._mapped(lambda block: block @ weights))

    def regression(self, values: NDArray[np.float64], strength: int) -> Regression:
        """Return the regression of values, (N,), with the strength at this position of STRENGTHS."""
        weights = self._weights(np.tile(values[:, None], len(STRENGTHS)))[:, strength]
        return LinearRegression(weights, float(values.mean()) - float(self._mean @ weights))

    def _left_out_together(self, clusters: Sequence[Rows]) -> Iterator[Together]:
        """Near-duplicates that are left out together; the features of some clusters are in memory at a time."""
        for start in range(0, len(clusters), CLUSTERS_AT_ONCE):
            some = clusters[start : start + CLUSTERS_AT_ONCE]
            coordinates = (self._x.read(self._rows[np.concatenate(some)]) - self._mean) @ self._vectors
            parts = np.split(coordinates, np.cumsum([len(rows) for rows in some])[:-1])
            for rows, part in zip(some, parts, strict=True):
                yield Together.of(rows, part, self._inverses, len(self._rows))

    def _weights(self, values: Values) -> NDArray[np.float64]:
        """The weights of the features, (D, S)."""
        fit = np.zeros((len(self._mean), values.shape[1]))
        for positions, block in self._x.stored_blocks(self._rows):
            fit += (block - self._mean).T @ values[positions]
        return np.asarray(self._vectors @ (self._inverses * (self._vectors.T @ fit)))

    def _mapped(self, function: Callable[[NDArray[np.float64]], Values]) -> Values:
        """What a function gives for each of the N images, (N, S), from their centred features, a block at a time."""
        return self._x.map_blocks(lambda block: function(block - self._mean), self._rows)


def similarities(cosines: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """Return how similar images are, 0 to 1, by the cosines between their features."""
    return np.exp(width * (cosines - 1))


def _penalties(total: float, count: int) -> NDArray[np.float64]:
    """STRENGTHS by the mean square of features; where all are the same, nothing is learnt with any."""
    return STRENGTHS * max(total / count, np.finfo(np.float64).tiny)


def _with_weights(
    x: Any, kernel: NDArray[np.floating], biases: NDArray[np.floating], activation: str, name: str
) -> Any:
    """The output of a dense layer with these weights, (inputs, outputs), and biases, (outputs,)."""
    import keras

    dense = keras.layers.Dense(kernel.shape[1], activation=activation, name=name)
    output = dense(x)
    dense.set_weights([kernel.astype(np.float32), biases.astype(np.float32)])
    return output
