"""A chart of a few lines with their bands, as SVG that stands inside a page: it follows the page's ink, dark or light.

It holds no style sheet and no script, so a page with a strict Content-Security-Policy shows it too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np
from markupsafe import Markup
from numpy.typing import ArrayLike, NDArray

from regraft.links.forecast import DAY_S, Forecast
from regraft.links.lifetimes import SurvivalCurve
from regraft.store.run_record import Survival

COLOURS = ("#d95f02", "#3182bd", "#5aa02c", "#9e6ebd", "#b8860b", "#808080")
"""Of lines, readable on light and on dark paper; dashes tell them apart where colours cannot."""
DASHES = ("", "6 3", "2 3", "8 3 2 3", "10 4", "1 3")
MAX_LINES = len(COLOURS)
WIDTH, HEIGHT = 440, 240
"""Of the drawing, in its own units; a page scales it."""
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 12, 40
SHARE_STEP = 0.25
"""The axis of shares begins at a multiple of this below the lowest."""
TICKS = 5
"""Ticks on each axis, about."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a chart, of N points each."""

    name: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    low: NDArray[np.float64]
    """The band's lower end; as `y` where there is no band."""
    high: NDArray[np.float64]
    """The band's upper end."""


@dataclass(frozen=True)
class Key:
    """Which line is which, for a legend beside the chart."""

    name: str
    colour: str
    dash: str
    """As SVG's stroke-dasharray; "" for a solid line."""


@dataclass(frozen=True)
class LineChart:
    """A drawn chart."""

    svg: Markup
    keys: list[Key]


def survival_chart(curves: Mapping[str, SurvivalCurve]) -> LineChart | None:
    """Return the share of links that still show their photos, day by day; None where no day has passed yet."""
    lines = [_steps(name, curve) for name, curve in list(curves.items())[:MAX_LINES]]
    if not lines or max(line.x[-1] for line in lines) == 0:
        return None
    bottom = np.floor(min(line.low.min() for line in lines) / SHARE_STEP) * SHARE_STEP
    return _drawn(lines, (min(bottom, 1 - SHARE_STEP), 1.0), "days since the link was first seen alive", is_share=True)


def forecast_chart(survival: Mapping[str, Survival], forecasts: Mapping[str, Forecast]) -> LineChart | None:
    """Return the alive links until now (day 0), and those to come with the band; None where there is no forecast."""
    lines = [_outlook(name, survival[name], outlook) for name, outlook in list(forecasts.items())[:MAX_LINES]]
    if not lines:
        return None
    top = float(max(line.high.max() for line in lines)) or 1.0
    return _drawn(lines, (0.0, top), "days from now", is_share=False)


def _steps(name: str, curve: SurvivalCurve) -> Line:
    """A survival curve, which falls at once on each of its days."""
    days = np.concatenate([[0], np.repeat(curve.days, 2)]).astype(np.float64)

    def stepped(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.repeat(np.concatenate([[1.0], values]), 2)[:-1]

    return Line(name=name, x=days, y=stepped(curve.share), low=stepped(curve.low), high=stepped(curve.high))


def _outlook(name: str, survival: Survival, outlook: Forecast) -> Line:
    """The counts of a category until its last one, which is at 0, and the forecast after it."""
    last = survival.counts[-1].at.timestamp()
    past = np.array([(count.at.timestamp() - last) / DAY_S for count in survival.counts])
    alive = np.array([count.alive for count in survival.counts], dtype=np.float64)
    days = np.concatenate([past, np.arange(1, len(outlook.median) + 1)])
    low, middle, high = (np.concatenate([alive, end]) for end in (outlook.low, outlook.median, outlook.high))
    return Line(name=name, x=days, y=middle, low=low, high=high)


def _drawn(lines: Sequence[Line], ends: tuple[float, float], x_title: str, is_share: bool) -> LineChart:
    """A chart of lines whose `y` lies between two ends, as a number of links or as a share of them."""
    bottom, top = ends
    first, last = min(line.x[0] for line in lines), max(line.x[-1] for line in lines)
    x_ticks, y_ticks = _ticks(first, last), _ticks(bottom, top)

    def across(x: ArrayLike) -> NDArray[np.float64]:
        return LEFT + (np.asarray(x) - first) / (last - first) * (WIDTH - LEFT - RIGHT)

    def down(y: ArrayLike) -> NDArray[np.float64]:
        return HEIGHT - BOTTOM - (np.asarray(y) - bottom) / (top - bottom) * (HEIGHT - TOP - BOTTOM)

    parts = []
    for tick in y_ticks:
        label = f"{tick:.0%}" if is_share else f"{tick:,.0f}"
        parts.append(_grid_line(float(down(tick))) + _label(LEFT - 6, float(down(tick)) + 4, "end", label))
    parts += [_label(float(across(tick)), HEIGHT - BOTTOM + 16, "middle", f"{tick:,.0f}") for tick in x_ticks]
    parts.append(_label((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, "middle", x_title))
    if first < 0 < last:
        parts.append(_now_line(float(across(0))))
    keys = []
    for line, colour, dash in zip(lines, cycle(COLOURS), cycle(DASHES), strict=False):
        x = across(line.x)
        band = _points(np.concatenate([x, x[::-1]]), down(np.concatenate([line.high, line.low[::-1]])))
        parts.append(f'<polygon points="{band}" fill="{colour}" fill-opacity="0.16"/>')
        stroke = f'stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"'
        parts.append(f'<polyline points="{_points(x, down(line.y))}" fill="none" {stroke}/>')
        keys.append(Key(line.name, colour, dash))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" fill="currentColor"'
    svg = f'{head} font-size="12" font-family="system-ui, sans-serif">{"".join(parts)}</svg>'
    return LineChart(Markup(svg), keys)  # noqa: S704 - numbers and texts of this module alone


def _grid_line(y: float) -> str:
    return f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="currentColor" opacity="0.15"/>'


def _now_line(x: float) -> str:
    return f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="currentColor" opacity="0.4"/>'


def _label(x: float, y: float, anchor: str, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" opacity="0.75">{text}</text>'


def _points(x: NDArray[np.float64], y: NDArray[np.float64]) -> str:
    return " ".join(f"{across:.1f},{down:.1f}" for across, down in zip(x, y, strict=True))


def _ticks(first: float, last: float) -> NDArray[np.float64]:
    """Round numbers between two others, about TICKS of them."""
    rough = (last - first) / TICKS
    unit = 10 ** np.floor(np.log10(rough))
    step = next(factor for factor in (1, 2, 2.5, 5, 10) if factor * unit >= rough) * unit
    return np.arange(np.ceil(first / step), np.floor(last / step + 1e-9) + 1) * step + 0.0  # no -0
