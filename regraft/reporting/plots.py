"""The pictures of a run, as PNG bytes: label histogram, predictions against labels, losses, link health, gallery."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from regraft.dataset.splits import SPLITS
from regraft.pictures.colours import Pixels

COLOURS = ("#d95f02", "#1b6ca8", "#4d9221", "#762a83", "#b8860b", "#6b6b6b")
HATCHES = ("", "//", "..", "xx", "\\\\", "++")
DASHES = ("--", "-.", ":", (0, (1, 3)), (0, (5, 1)), (0, (3, 1, 1, 1)))
MARKERS = ("o", "^", "s", "D", "v", "P")
BEHIND = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
VERDICTS = {"alive": "#2f855a", "dead": "#9b2c2c", "junk": "#b7791f"}


def histogram(manifest: pd.DataFrame) -> bytes:
    """Return the labels' distribution by category, the tutorial's histogram."""
    figure, axes = _axes("Label distribution", "length (cm)", "images")
    bins = np.histogram_bin_edges(manifest["label"], bins=40).tolist()
    styles = zip(manifest.groupby("category"), _cycle(COLOURS), _cycle(HATCHES), strict=False)
    for (name, part), colour, hatch in styles:
        label = f"{name} ({len(part)})"
        axes.hist(part["label"], bins=bins, alpha=0.65, label=label, color=colour, hatch=hatch, edgecolor="white")
    axes.legend(frameon=False)
    return _png(figure)


def images(manifest: pd.DataFrame) -> bytes:
    """Return how many images each category has in each split, for labels that are the category itself."""
    counts = manifest.groupby(["category", "split"]).size().unstack(fill_value=0)
    figure, axes = _axes("Images by category and split", "images", "", height=1.4 + 0.5 * len(counts))
    left = np.zeros(len(counts))
    for split, colour, hatch in zip(SPLITS, COLOURS, HATCHES, strict=False):
        wide = counts[split].to_numpy(dtype=np.float64)
        bars = axes.barh(counts.index, wide, left=left, color=colour, hatch=hatch, edgecolor="white", label=split)
        axes.bar_label(bars, label_type="center", color="black", fontsize=9, bbox=BEHIND)
        left += wide
    axes.legend(frameon=False, ncols=len(SPLITS), loc="upper left", bbox_to_anchor=(0, -0.25))
    axes.grid(False)
    return _png(figure)


def confusion(counts: Mapping[str, Mapping[str, int]]) -> bytes:
    """Return how many test images of each category were named how, as shares of the category and as numbers."""
    names = list(counts)
    numbers = np.array([[counts[own][said] for said in names] for own in names], dtype=np.float64)
    shares = numbers / np.maximum(numbers.sum(axis=1, keepdims=True), 1)
    figure, axes = _axes("Named and true category, test split", "named", "true", height=2.2 + 0.5 * len(names))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    axes.grid(False)
    for (i, j), share in np.ndenumerate(shares):
        ink = "white" if share > 0.5 else "black"
        axes.text(j, i, f"{numbers[i, j]:.0f}  ({share:.1%})", ha="center", va="center", color=ink)
    return _png(figure)


def predictions(rows: pd.DataFrame, said: Mapping[str, float], oracle_rmse: float | None) -> bytes:
    """Return predictions against labels of the test split, with the best possible answer of each category.

    `said` are the oracle's answers by category, `oracle_rmse` its error in cm; both may be missing.
    """
    figure, axes = _axes("Predicted and true length, test split", "label (cm)", "prediction (cm)")
    styles = zip(rows.groupby("category"), _cycle(COLOURS), _cycle(MARKERS), _cycle(DASHES), strict=False)
    for (name, part), colour, marker, dash in styles:
        axes.scatter(part["label"], part["prediction"], s=22, c=colour, marker=marker, alpha=0.7, label=str(name))
        if name in said:
            axes.axhline(said[str(name)], color=colour, linewidth=1, linestyle=dash)
    ends = np.array([rows["label"].min(), rows["label"].max()], dtype=np.float64)
    axes.plot(ends, ends, color="#999999", linewidth=1)
    if oracle_rmse is not None:
        best = f"within the oracle's RMSE, {oracle_rmse:.1f} cm; broken lines: what it says"
        axes.fill_between(ends, ends - oracle_rmse, ends + oracle_rmse, color="#999999", alpha=0.15, lw=0, label=best)
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
