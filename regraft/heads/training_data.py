"""What a head learns from: scaled features, which category each image is of, and which images train or choose."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regraft.heads.moments import Rows
from regraft.store.feature_rows import FeatureRows

# N images, D features, C categories


@dataclass(frozen=True)
class TrainingData:
    """N images to learn from."""

    x: FeatureRows
    """(N, D) scaled features: see `Scale`."""
    category: NDArray[np.int64]
    """(N,) the number of each image's category, 0 to C - 1."""
    cluster: NDArray[np.int64]
    """(N,) the number of each image's cluster: near-duplicates share one."""
    train: Rows
    """Of the images to learn from."""
    validation: Rows
    """Of the images that say when to stop and what helps."""

    @property
    def categories(self) -> int:
        """The number of categories, C."""
        return int(self.category.max()) + 1
