"""Charts as data: what is to be drawn, for whoever draws it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Histogram:
    """How values are distributed, one colour a series."""

    title: str
    x: str
    """The title of the values' axis, with their unit."""
    y: str
    series: Mapping[str, Values]
    """Values by the name that the legend shows."""
    bins: int
    """Bins of equal width, from the smallest of all values to the largest."""


@dataclass(frozen=True)
class StackedBars:
    """Counts as one bar a row, each of some parts."""

    title: str
    x: str
    """The title of the counts' axis."""
    rows: Sequence[str]
    parts: Mapping[str, Sequence[int]]
    """The count of each row, by the part's name."""


@dataclass(frozen=True)
class Points:
    """Points of one series, (N,) each."""

    x: Values
    y: Values


@dataclass(frozen=True)
class Band:
    """The surroundings of the diagonal."""

    half_width: float
    label: str
    """What the legend says of it."""


@dataclass(frozen=True, kw_only=True)
class Scatter:
    """Points around the diagonal, where both axes say the same."""

    title: str
    x: str
    y: str
    series: Mapping[str, Points]
    levels: Mapping[str, float]
    """Horizontal lines by the name of the series whose colour they have."""
    band: Band | None
    """None where nothing is known of the best that is possible."""


@dataclass(frozen=True)
class Matrix:
    """Counts by row and column, shaded by their share of the row."""

    title: str
    x: str
    y: str
    names: Sequence[str]
    """The names of the rows, and of the columns."""
    counts: NDArray[np.int64]
    """(rows, columns)"""


Chart = Histogram | StackedBars | Scatter | Matrix
