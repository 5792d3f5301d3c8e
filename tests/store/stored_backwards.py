"""Features in memory that are read fastest from their end: for tests of what does not depend on the order."""

import numpy as np

from regraft.store.feature_rows import ArrayRows


class StoredBackwards(ArrayRows):
    """Features of which the last are read fastest."""

    def reading_order(self, rows: np.ndarray) -> np.ndarray:
        return np.argsort(rows, kind="stable")[::-1]
