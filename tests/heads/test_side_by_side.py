"""What is computed side by side comes back in order, each on one core."""

import numpy as np
from threadpoolctl import threadpool_info

from regraft.heads.side_by_side import side_by_side


def blas_threads() -> set[int]:
    """How many threads each BLAS of this process would take for a product."""
    np.ones((2, 2)) @ np.ones((2, 2))
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}


def test_each_item_has_one_core_and_then_all_are_free_again() -> None:
    before = blas_threads()
    results = side_by_side(lambda number: (number, blas_threads()), range(20))
    assert results == [(number, {1}) for number in range(20)]
    assert blas_threads() == before
