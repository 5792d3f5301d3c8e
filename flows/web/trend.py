"""How something went from version to version, as a small line chart: where its points lie in the picture."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 320, 72
"""Units of the picture; it is drawn as wide as there is room."""
MARGIN = 6
MIN_SPAN_SHARE = 0.02
"""Of the largest value, that the chart's height stands for at least: what hardly changes is drawn nearly flat."""


@dataclass(frozen=True)
class Point:
    """A value of one version."""

    x: float
    y: float
    version: str
    figure: str
    """The value as text."""


@dataclass(frozen=True)
class Trend:
    """A line from version to version."""

    title: str
    points: tuple[Point, ...]

    @property
    def line(self) -> str:
        """The points as an SVG polyline has them."""
        return " ".join(f"{point.x:.1f},{point.y:.1f}" for point in self.points)

    @property
    def sentence(self) -> str:
        """What the line shows, for who cannot see it."""
        first, last = self.points[0], self.points[-1]
        return f"{self.title}: {first.figure} in version {first.version}, {last.figure} in version {last.version}"


def trend(title: str, names: Sequence[str], values: Sequence[float], figures: Sequence[str]) -> Trend | None:
    """Return the line through a value of each version, the oldest first; None where there are fewer than two."""
    if len(values) < 2:
        return None
    low, high = min(values), max(values)
    span = max(high - low, MIN_SPAN_SHARE * abs(high), 1e-9)
    middle = (low + high) / 2
    step = (WIDTH - 2 * MARGIN) / (len(values) - 1)
    points = [
        Point(MARGIN + i * step, HEIGHT / 2 - (number - middle) / span * (HEIGHT - 2 * MARGIN), name, figure)
        for i, (name, number, figure) in enumerate(zip(names, values, figures, strict=True))
    ]
    return Trend(title, tuple(points))
