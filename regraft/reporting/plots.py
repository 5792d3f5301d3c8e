"""The plots of a version, as PNG bytes: a target's charts, losses, and test images."""

import io
import warnings
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any, assert_never

import numpy as np
from matplotlib.figure import Figure

from regraft.pictures.pixels import Pixels
from regraft.targets.charts import Chart, Histogram, Matrix, Scatter, StackedBars

COLOURS = ("#d95f02", "#1b6ca8", "#4d9221", "#762a83", "#b8860b", "#6b6b6b")
"""Of series; hatches, dashes and markers tell them apart where colours cannot."""
HATCHES = ("", "//", "..", "xx", "\\\\", "++")
DASHES = ("--", "-.", ":", (0, (1, 3)), (0, (5, 1)), (0, (3, 1, 1, 1)))
MARKERS = ("o", "^", "s", "D", "v", "P")
LINES = ("-", "--", ":", "-.")
GREY = "#999999"
NUMBER_BOX = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
"""Lies behind numbers on coloured bars."""
WIDTH_IN = 7.2
HEIGHT_IN = 4.2
EXAMPLE_COLUMNS = 4
DPI = 110
PICTURE_DPI = 80
"""Of pictures, which do not pack as drawings do."""
MAX_POINTS = 5000
"""Points that are drawn one by one; of more, it is drawn how densely they lie."""
HEXAGONS = 60
"""Hexagons side by side that such points are counted in."""
MAX_NUMBERED = 8
"""Columns of a matrix whose numbers have room for shares."""


def draw(chart: Chart) -> bytes:
    """Return a target's chart."""
    match chart:
        case Histogram():
            return _histogram(chart)
        case StackedBars():
            return _stacked_bars(chart)
        case Scatter():
            return _scatter(chart)
        case Matrix():
            return _matrix(chart)
        case _:
            assert_never(chart)


def losses(history: Mapping[str, Sequence[float]]) -> bytes:
    """Return the loss curves of training, by epoch from 1 on."""
    figure, axes = _axes("Training", "epoch", "loss")
    for (name, values), colour, line in zip(history.items(), cycle(COLOURS), cycle(LINES), strict=False):
        axes.plot(range(1, len(values) + 1), values, line, color=colour, label=name)
    axes.legend(frameon=False)
    return _png(figure)


def contact_sheet(pictures: Sequence[Pixels], captions: Sequence[str]) -> bytes:
    """Return pictures side by side, each below its caption: the tutorial's last picture."""
    columns = min(EXAMPLE_COLUMNS, max(1, len(pictures)))
    rows = max(1, -(-len(pictures) // columns))
    figure = Figure(figsize=(3.2 * columns, 3.6 * rows), layout="constrained")
    grid = np.atleast_1d(figure.subplots(rows, columns)).reshape(-1)
    for axes in grid:
        axes.set_axis_off()
    for axes, pixels, caption in zip(grid, pictures, captions, strict=False):
        axes.imshow(pixels)
        axes.set_title(caption, fontsize=11, parse_math=False)
    return _png(figure, PICTURE_DPI)


def _histogram(chart: Histogram) -> bytes:
    figure, axes = _axes(chart.title, chart.x, chart.y)
    bins = np.histogram_bin_edges(np.concatenate(list(chart.series.values())), bins=chart.bins).tolist()
    for (name, values), colour, hatch in zip(chart.series.items(), cycle(COLOURS), cycle(HATCHES), strict=False):
        axes.hist(values, bins=bins, alpha=0.65, label=name, color=colour, hatch=hatch, edgecolor="white")
    axes.legend(frameon=False)
    return _png(figure)


def _stacked_bars(chart: StackedBars) -> bytes:
    figure, axes = _axes(chart.title, chart.x, "", height=1.4 + 0.5 * len(chart.rows))
    left = np.zeros(len(chart.rows))
    for (name, counts), colour, hatch in zip(chart.parts.items(), cycle(COLOURS), cycle(HATCHES), strict=False):
        widths = np.asarray(counts, dtype=np.float64)
        bars = axes.barh(list(chart.rows), widths, left=left, color=colour, hatch=hatch, edgecolor="white", label=name)
        axes.bar_label(bars, label_type="center", color="black", fontsize=9, bbox=NUMBER_BOX)
        left += widths
    axes.legend(frameon=False, ncols=len(chart.parts), loc="upper left", bbox_to_anchor=(0, -0.25))
    axes.grid(False)
    return _png(figure)


def _scatter(chart: Scatter) -> bytes:
    figure, axes = _axes(chart.title, chart.x, chart.y)
    styles = zip(chart.series.items(), cycle(COLOURS), cycle(MARKERS), cycle(DASHES), strict=False)
    x, y = (np.concatenate([getattr(points, axis) for points in chart.series.values()]) for axis in ("x", "y"))
    if len(x) > MAX_POINTS:
        axes.hexbin(x, y, gridsize=HEXAGONS, bins="log", mincnt=1, cmap="Blues", linewidths=0)
    for (name, points), colour, marker, dash in styles:
        if len(x) <= MAX_POINTS:
            axes.scatter(points.x, points.y, s=22, c=colour, marker=marker, alpha=0.7, label=name)
        if name in chart.levels:
            label = name if len(x) > MAX_POINTS else None
            axes.axhline(chart.levels[name], color=colour, linewidth=1, linestyle=dash, label=label)
    ends = np.array([x.min(), x.max()], dtype=np.float64)
    axes.plot(ends, ends, color=GREY, linewidth=1)
    if chart.band is not None:
        low, high = ends - chart.band.half_width, ends + chart.band.half_width
        axes.fill_between(ends, low, high, color=GREY, alpha=0.15, linewidth=0, label=chart.band.label)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, loc="upper left", fontsize=9)
    return _png(figure)


def _matrix(chart: Matrix) -> bytes:
    shares = chart.counts / np.maximum(chart.counts.sum(axis=1, keepdims=True), 1)
    figure, axes = _axes(chart.title, chart.x, chart.y, height=2.2 + 0.5 * len(chart.names))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    is_roomy = len(chart.names) <= MAX_NUMBERED
    axes.set_xticks(range(len(chart.names)), list(chart.names), rotation=0 if is_roomy else 90)
    axes.set_yticks(range(len(chart.names)), list(chart.names))
    axes.grid(False)
    for (row, column), share in np.ndenumerate(shares):
        count = chart.counts[row, column]
        text = f"{count:.0f}  ({share:.1%})" if is_roomy else f"{count:.0f}" if count else ""
        axes.text(column, row, text, ha="center", va="center", color="white" if share > 0.5 else "black")
    return _png(figure)


def _axes(title: str, x: str, y: str, height: float = HEIGHT_IN) -> tuple[Figure, Any]:
    figure = Figure(figsize=(WIDTH_IN, height), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, loc="left", fontweight="bold")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    return figure, axes


def _png(figure: Figure, dpi: int = DPI) -> bytes:
    """A figure as PNG. Letters that its font lacks, as of a file's Chinese name, are boxes, without a warning."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        figure.savefig(file, format="png", dpi=dpi, facecolor="white")
    return file.getvalue()
