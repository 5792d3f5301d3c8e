"""The features of many images, read a block of rows at a time: all of them need not fit into memory."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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

    def reading_order(self, rows: "NDArray[np.int64]") -> "NDArray[np.int64]":
        """Return the positions, (K,), in some rows, in the order in which these are read fastest."""
        import numpy as np

        return np.arange(len(rows))

    def blocks(
        self, rows: "NDArray[np.int64] | None" = None
    ) -> "Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]":
        """Yield some rows and their features at a time, of all images or of `rows`, (K,), in their order.

        The blocks depend on nothing but `rows` and D, so what is summed over them is the same each time.
        """
        import numpy as np

        rows = np.arange(len(self)) if rows is None else rows
        for start in range(0, len(rows), self._block_size):
            block = rows[start : start + self._block_size]
            yield block, self.read(block)

    def stored_blocks(
        self, rows: "NDArray[np.int64] | None" = None
    ) -> "Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]":
        """Yield positions in `rows`, (K,) or all, and their features, block by block in the order that is read fastest.

        Where all are one block, they keep their order: what a small job computes does not depend on how features lie.
        """
        import numpy as np

        rows = np.arange(len(self)) if rows is None else rows
        order = self.reading_order(rows) if len(rows) > self._block_size else np.arange(len(rows))
        for start in range(0, len(rows), self._block_size):
            positions = order[start : start + self._block_size]
            yield positions, self.read(rows[positions])

    def map_blocks(
        self, function: "Callable[[NDArray[np.float32]], NDArray[Any]]", rows: "NDArray[np.int64] | None" = None
    ) -> "NDArray[Any]":
        """Return what a function gives for each image, or for each of `rows`, in their order: (K, ...), K at least 1.

        The function is called with a block of B images' features, (B, D), at a time, and returns (B, ...).
        """
        import numpy as np

        positions, values = zip(
            *((of_block, function(block)) for of_block, block in self.stored_blocks(rows)), strict=True
        )
        return np.concatenate(values)[np.argsort(np.concatenate(positions))]

    def mean(self, rows: "NDArray[np.int64] | None" = None) -> "NDArray[np.float64]":
        """Return the mean, (D,), of the features of all images, or of `rows`, (K,)."""
        import numpy as np

        total = np.zeros(self.shape[1])
        for _, block in self.stored_blocks(rows):
            total += block.sum(axis=0, dtype=np.float64)
        return total / (len(self) if rows is None else len(rows))

    @property
    def _block_size(self) -> int:
        """Rows that are read at a time."""
        return max(1, BLOCK_BYTES // max(1, 4 * self.shape[1]))


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
