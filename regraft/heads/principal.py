"""Images in the principal coordinates of their features: of these there are no more than images."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# N images, D features, C categories, R principal coordinates
Values = NDArray[np.float64]
Weights = NDArray[np.float64]
"""(R + 1, C) weights of categories' scores, the last row for the bias."""
Indices = NDArray[np.int64]
Matrix = NDArray[np.float32]
MIN_EIGENVALUE_SHARE = 1e-6
"""Of the largest: directions in which features vary by less are left out."""


@dataclass(frozen=True)
class Principal:
    """N images in the principal coordinates of their scaled features."""

    values: Values
    """(N, R)"""
    directions: Matrix
    """(D, R) float32, orthonormal."""
    index: Indices
    """(N,) each image's category, 0 to C - 1."""
    categories: int

    @classmethod
    def of(cls, x: Matrix, index: Indices, categories: int) -> "Principal":
        """The coordinates follow from the products of images or of features, whichever are fewer."""
        is_few = len(x) <= x.shape[1]
        products = x @ x.T if is_few else x.T @ x
        eigenvalues, vectors = np.linalg.eigh(products.astype(np.float64))
        is_kept = eigenvalues > MIN_EIGENVALUE_SHARE * max(eigenvalues[-1], 1.0)
        lengths, vectors = np.sqrt(eigenvalues[is_kept]), vectors[:, is_kept]
        if is_few:
            return cls(vectors * lengths, x.T @ (vectors / lengths).astype(np.float32), index, categories)
        return cls(x @ vectors, vectors.astype(np.float32), index, categories)

    @property
    def one_hot(self) -> Values:
        """The probabilities of the images' categories, (N, C), if what is shown is right."""
        return np.eye(self.categories)[self.index]

    def rows(self, rows: Indices) -> "Principal":
        """Return some of the images."""
        return Principal(self.values[rows], self.directions, self.index[rows], self.categories)

    def scores(self, weights: Weights) -> Values:
        """Return the categories' scores, (N, C)."""
        return self.values @ weights[:-1] + weights[-1]
