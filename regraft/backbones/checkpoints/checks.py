"""Checks of a weights file before its arrays go into a network: its digest, its layers' shapes and values."""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regraft.errors import CheckpointError
from regraft.identity import Digest

MAX_AXES = 8
"""Of an array of weights; a convolution's has four."""


@contextlib.contextmanager
def open_weights(path: Path) -> Iterator[BufferedReader]:
    """Yield a weights file, open for reading.

    Raises CheckpointError where it cannot be read; one that is raised meanwhile goes on with the file's name.
    """
    try:
        if path.exists() and not path.is_file():
            raise CheckpointError("it is no file.")
        with open(path, "rb") as file:
            yield file
    except (OSError, ValueError) as error:  # ValueError: a zero in its name
        raise CheckpointError(f"The weights {path} cannot be read: {getattr(error, 'strerror', error)}.") from error
    except CheckpointError as error:
        if str(path) in str(error):
            raise
        raise CheckpointError(f"The weights {path} cannot be used: {error}") from error


def check_digest(path: Path, expected_start: str | None = None) -> Digest:
    """Return a file's digest. Raises CheckpointError where it cannot be read or does not start with `expected_start`.

    `expected_start`: hex digits; None where any file will do.
    """
    with open_weights(path) as file:
        digest = Digest(hashlib.file_digest(file, "sha256").hexdigest())
    if expected_start is not None and not digest.startswith(expected_start):
        raise CheckpointError(
            f"The weights {path} are not the known ones: their SHA-256 starts with {digest[:8]}, "
            f"expected was {expected_start}."
        )
    return digest


def check_shapes(path: object, weights: Mapping[str, NDArray[Any]], expected: Mapping[str, tuple[int, ...]]) -> None:
    """Raise CheckpointError, naming the layer, where weights are missing or do not have the network's shapes."""
    for name, shape in expected.items():
        if name not in weights:
            raise CheckpointError(f"{path} has no {name!r}; it is made for another network.")
        if tuple(weights[name].shape) != shape:
            raise CheckpointError(f"{path}: {name!r} is {weights[name].shape}, the network needs {shape}.")


def check_finite(path: object, weights: Mapping[str, NDArray[Any]]) -> None:
    """Raise CheckpointError, naming the layer, where weights are not floats or contain NaN or infinity."""
    for name, array in weights.items():
        if array.dtype.kind != "f" or not np.isfinite(array).all():
            raise CheckpointError(f"{path}: {name!r} contains values that are not finite numbers.")
