"""The features of many images, read a block of rows at a time: all of them need not fit into memory."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# N images, D features, K of the images
BLOCK_BYTES = 2**25
"""Features that are in memory at a time: those of 6,553 images where D is 1280."""


class FeatureRows(ABC):
    """The features of N images, (N, D) float32, in the order that they were looked up in."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """The number of images and of features: (N, D)."""

    @abstractmethod
    def read(self, rows: "NDArray[np.int64]") -> "NDArray[np.float32]":
        """Return the features, (K, D) float32, of some rows, (K,), in their order; a row may be named twice."""

    def __len__(self) -> int:
        return self.shape[0]

    def as_stored(self, rows: "NDArray[np.int64]") -> "NDArray[np.int64]":
        """Return some rows, (K,), in the order in which they are read fastest: for sums over many, several times."""
        return rows

    def blocks(
        self, rows: "NDArray[np.int64] | None" = None
    ) -> "Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]":
        """Yield some rows and their features at a time, of all images or of `rows`, (K,), in their order.

        The blocks depend on nothing but `rows` and D, so what is summed over them is the same each time.
        """
        import numpy as np

        rows = np.arange(len(self)) if rows is None else rows
        size = max(1, BLOCK_BYTES // max(1, 4 * self.shape[1]))
        for start in range(0, len(rows), size):
            block = rows[start : start + size]
            yield block, self.read(block)


@dataclass(frozen=True)
class ArrayRows(FeatureRows):
    """Features that are in memory."""

    array: "NDArray[np.float32]"
    """(N, D) float32."""

    @property
    def shape(self) -> tuple[int, int]:
        """The array's shape, (N, D)."""
        count, width = self.array.shape
        return count, width

    def read(self, rows: "NDArray[np.int64]") -> "NDArray[np.float32]":
        """Return the features of some rows."""
        return self.array[rows]
