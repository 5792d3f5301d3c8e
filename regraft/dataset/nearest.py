"""The nearest of some pictures that others are compared with, and of which category most of these are."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# N images, K images at a time, D features, R references, M nearest references of each
MAX_NEAREST = 64
"""References that are kept of each picture."""
BATCH_SIZE = 1024
"""Pictures that are compared at a time."""
NO_REFERENCE = -1
"""The position of a picture that is none of the references."""
MIN_NORM = 1e-9
Directions = NDArray[np.float32]
"""(K, D) centred features of length 1."""
Indices = NDArray[np.int64]
Values = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Nearest:
    """The nearest references of K pictures, nearest first."""

    references: Indices
    """(K, M) their positions among the references."""
    cosines: NDArray[np.float32]
    """(K, M)"""

    @classmethod
    def of(cls, pictures: Directions, references: Directions, own: Indices) -> "Nearest":
        """Return the nearest of some references, (R, D), to pictures, (K, D).

        `own`, (K,), are the pictures' own positions among the references, or NO_REFERENCE.
        """
        kept = max(1, min(MAX_NEAREST, len(references) - 1))
        positions, cosines = np.empty((len(pictures), kept), np.int64), np.empty((len(pictures), kept), np.float32)
        for part in np.array_split(np.arange(len(pictures)), -(-len(pictures) // BATCH_SIZE)):
            cosine = pictures[part] @ references.T
            is_reference = own[part] != NO_REFERENCE
            cosine[is_reference, own[part][is_reference]] = -np.inf  # a picture is no neighbour of its own
            nearest = np.argpartition(cosine, -kept, axis=1)[:, -kept:]
            near = np.take_along_axis(cosine, nearest, axis=1)
            order = np.lexsort((nearest, -near), axis=1)
            positions[part] = np.take_along_axis(nearest, order, axis=1)
            cosines[part] = np.take_along_axis(near, order, axis=1)
        return cls(positions, cosines)

    def rows(self, rows: Indices) -> "Nearest":
        """Return those of some of the pictures."""
        return Nearest(self.references[rows], self.cosines[rows])

    def among(self, is_wanted: Flags, count: int) -> "Nearest":
        """Return so many of the nearest references that are wanted, (K, M), followed by others where they are few."""
        order = np.argsort(~is_wanted, axis=1, kind="stable")[:, :count]
        references, cosines = self.references, self.cosines
        return Nearest(np.take_along_axis(references, order, axis=1), np.take_along_axis(cosines, order, axis=1))


def directions_of(features: NDArray[np.float32], centre: NDArray[np.float32]) -> Directions:
    """Return features, (K, D), as seen from their centre, (D,), with length 1."""
    centred = features - centre
    centred /= np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), MIN_NORM)
    return centred


def most_frequent(categories: Indices) -> tuple[Indices, Values]:
    """Return the most frequent number of each of N rows, the smallest of several, and its share: (N,) each."""
    ordered = np.sort(categories, axis=1)
    is_new = np.concatenate([np.ones((len(ordered), 1), bool), ordered[:, 1:] != ordered[:, :-1]], axis=1)
    column = np.arange(ordered.shape[1])
    first = np.maximum.accumulate(np.where(is_new, column, 0), axis=1)
    last = (column - first).argmax(axis=1)  # where the longest run of equal numbers ends, the first of several
    rows = np.arange(len(ordered))
    return ordered[rows, last], (column[last] - first[rows, last] + 1) / ordered.shape[1]
