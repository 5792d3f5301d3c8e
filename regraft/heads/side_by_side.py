"""Small computations side by side, each on one core.

NumPy's BLAS cuts each product of matrices into a part for every core, and these wait for one another. The thin
products of a regression took up to four times as much CPU time so, where other programs were running.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from regraft.process import usable_cores

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Have NumPy's BLAS compute on one core for as long as the context lasts."""
    from threadpoolctl import threadpool_limits  # its import sets an environment variable

    with threadpool_limits(1, user_api="blas"):
        yield


def side_by_side(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Return what a function makes of each item, in their order."""
    with one_blas_thread(), ThreadPoolExecutor(usable_cores()) as threads:
        return list(threads.map(function, items))
