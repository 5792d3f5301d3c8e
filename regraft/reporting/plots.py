"""The pictures of a run, as PNG bytes: label histogram, predictions against labels, losses, link health, gallery."""

import io
from collections.abc import Mapping, Sequence
from typing import Any, assert_never

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from regraft.pictures.colours import Pixels
from regraft.targets.charts import Chart, Histogram, Matrix, Scatter, StackedBars

COLOURS = ("#d95f02", "#1b6ca8", "#4d9221", "#762a83", "#b8860b", "#6b6b6b")
HATCHES = ("", "//", "..", "xx", "\\\\", "++")
DASHES = ("--", "-.", ":", (0, (1, 3)), (0, (5, 1)), (0, (3, 1, 1, 1)))
MARKERS = ("o", "^", "s", "D", "v", "P")
BEHIND = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
VERDICTS = {"alive": "#2f855a", "dead": "#9b2c2c", "junk": "#b7791f"}


def draw(chart: Chart) -> bytes:
    """Return a chart as PNG bytes."""
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


def _histogram(chart: Histogram) -> bytes:
    figure, axes = _axes(chart.title, chart.x, chart.y)
    bins = np.histogram_bin_edges(np.concatenate(list(chart.series.values())), bins=chart.bins).tolist()
    styles = zip(chart.series.items(), _cycle(COLOURS), _cycle(HATCHES), strict=False)
    for (name, values), colour, hatch in styles:
        axes.hist(values, bins=bins, alpha=0.65, label=name, color=colour, hatch=hatch, edgecolor="white")
    axes.legend(frameon=False)
    return _png(figure)


def _stacked_bars(chart: StackedBars) -> bytes:
    figure, axes = _axes(chart.title, chart.x, "", height=1.4 + 0.5 * len(chart.rows))
    left = np.zeros(len(chart.rows))
    for (name, counts), colour, hatch in zip(chart.parts.items(), _cycle(COLOURS), _cycle(HATCHES), strict=False):
        wide = np.asarray(counts, dtype=np.float64)
        bars = axes.barh(chart.rows, wide, left=left, color=colour, hatch=hatch, edgecolor="white", label=name)
        axes.bar_label(bars, label_type="center", color="black", fontsize=9, bbox=BEHIND)
        left += wide
    axes.legend(frameon=False, ncols=len(chart.parts), loc="upper left", bbox_to_anchor=(0, -0.25))
    axes.grid(False)
    return _png(figure)


def _matrix(chart: Matrix) -> bytes:
    names = list(chart.names)
    shares = chart.counts / np.maximum(chart.counts.sum(axis=1, keepdims=True), 1)
    figure, axes = _axes(chart.title, chart.x, chart.y, height=2.2 + 0.5 * len(names))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    axes.grid(False)
    for (i, j), share in np.ndenumerate(shares):
        ink = "white" if share > 0.5 else "black"
        axes.text(j, i, f"{chart.counts[i, j]}  ({share:.1%})", ha="center", va="center", color=ink)
    return _png(figure)


def _scatter(chart: Scatter) -> bytes:
    figure, axes = _axes(chart.title, chart.x, chart.y)
    styles = zip(chart.series.items(), _cycle(COLOURS), _cycle(MARKERS), _cycle(DASHES), strict=False)
    for (name, points), colour, marker, dash in styles:
        axes.scatter(points.x, points.y, s=22, c=colour, marker=marker, alpha=0.7, label=name)
        if name in chart.levels:
            axes.axhline(chart.levels[name], color=colour, linewidth=1, linestyle=dash)
    x = np.concatenate([points.x for points in chart.series.values()])
    ends = np.array([x.min(), x.max()])
    axes.plot(ends, ends, color="#999999", linewidth=1)
    if chart.band is not None:
        low, high = ends - chart.band.half_width, ends + chart.band.half_width
        axes.fill_between(ends, low, high, color="#999999", alpha=0.15, lw=0, label=chart.band.label)
    axes.legend(frameon=False, loc="upper left", fontsize=9)
    return _png(figure)


def losses(history: Mapping[str, Sequence[float]]) -> bytes:
    """Return the loss curves of training."""
    figure, axes = _axes("Training", "epoch", "loss")
    for (name, values), colour, line in zip(history.items(), COLOURS, ("-", "--", ":", "-."), strict=False):
        axes.plot(range(1, len(values) + 1), values, line, color=colour, label=name)
    axes.legend(frameon=False)
    return _png(figure)


def health(links: pd.DataFrame) -> bytes:
    """Return how many links ended with which reason."""
    counts = links.assign(reason=links["reason"].replace("", "alive")).groupby(["verdict", "reason"]).size()
    counts = counts.sort_values()
    figure, axes = _axes("Link health", "links", "", height=0.8 + 0.3 * len(counts))
    colours = [VERDICTS[verdict] for verdict, _ in counts.index]
    names = [reason if verdict == "alive" else f"{reason} ({verdict})" for verdict, reason in counts.index]
    bars = axes.barh(names, counts.to_numpy(), color=colours)
    axes.bar_label(bars, padding=3)
    axes.grid(False)
    return _png(figure)


def gallery(pictures: Sequence[Pixels], captions: Sequence[str]) -> bytes:
    """Return pictures side by side, each with its caption: the tutorial's picture."""
    columns = min(4, len(pictures))
    rows = -(-len(pictures) // columns)
    figure = Figure(figsize=(3.2 * columns, 3.6 * rows), layout="constrained")
    grid = np.atleast_1d(figure.subplots(rows, columns)).reshape(-1)
    for axes in grid:
        axes.set_axis_off()
    for axes, pixels, caption in zip(grid, pictures, captions, strict=False):
        axes.imshow(pixels)
        axes.set_title(caption, fontsize=11, parse_math=False)
    return _png(figure)


def _axes(title: str, x: str, y: str, height: float = 4.2) -> tuple[Figure, Any]:
    figure = Figure(figsize=(7.2, height), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, loc="left", fontweight="bold")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    return figure, axes


def _cycle(values: Sequence[Any]) -> list[Any]:
    return list(values) * 20


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110, facecolor="white")
    return file.getvalue()
