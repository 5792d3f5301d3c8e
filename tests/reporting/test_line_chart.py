"""Charts of how long links last are drawn as SVG that needs nothing else."""

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import numpy as np
import pandas as pd

from regraft.links.forecast import forecast
from regraft.links.lifetimes import survival_curves
from regraft.reporting.line_chart import MAX_LINES, LineChart, forecast_chart, survival_chart
from regraft.store.run_record import LinkCount, Survival

LIVES = pd.DataFrame(
    [
        ("cat", "a.example", 3, "died", 5),
        ("cat", "a.example", 9, "goes_on", 15),
        ("tiger", "b.example", 4, "died", 2),
        ("tiger", "b.example", 9, "goes_on", 18),
    ],
    columns=["category", "host", "days", "end", "links"],
)


def polylines(chart: LineChart) -> list[list[tuple[float, float]]]:
    """The points of each line that is drawn."""
    lines = ElementTree.fromstring(str(chart.svg)).iter("{http://www.w3.org/2000/svg}polyline")
    points = [[pair.split(",") for pair in line.attrib["points"].split()] for line in lines]
    return [[(float(x), float(y)) for x, y in line] for line in points]


def test_a_survival_curve_only_falls_as_days_go_by() -> None:
    chart = survival_chart(survival_curves(LIVES, "category", MAX_LINES))
    assert chart is not None
    assert [key.name for key in chart.keys] == ["cat", "tiger"]
    for line in polylines(chart):
        x, y = np.array(line).T
        assert (np.diff(x) >= 0).all()
        assert (np.diff(y) >= 0).all()  # down the page
        assert y[-1] > y[0]


def test_there_is_no_curve_before_a_day_has_passed() -> None:
    assert survival_chart(survival_curves(LIVES.assign(days=0), "category", MAX_LINES)) is None
    assert survival_chart(survival_curves(LIVES.iloc[:0], "category", MAX_LINES)) is None


def test_a_forecast_goes_on_where_the_counts_end() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    counts = tuple(
        LinkCount(at=start + timedelta(days=day), ever_alive=200, alive=200 - 2 * day, revived=0) for day in range(20)
    )
    outlook = forecast(counts, needed=20, seed=0)
    assert outlook is not None
    survival = {"cat": Survival(ever_alive=200, alive=162, share=0.81, counts=counts)}
    chart = forecast_chart(survival, {"cat": outlook})
    assert chart is not None
    [line] = polylines(chart)
    assert len(line) == len(counts) + len(outlook.median)
    assert "<polygon" in chart.svg
    assert forecast_chart(survival, {}) is None


def test_more_lines_than_colours_are_not_drawn() -> None:
    many = pd.concat([LIVES.assign(category=f"c{number}") for number in range(2 * MAX_LINES)])
    chart = survival_chart(survival_curves(many, "category", most=99))
    assert chart is not None
    assert len(chart.keys) == len(polylines(chart)) == MAX_LINES


def test_a_pages_policy_holds_for_a_chart() -> None:
    chart = survival_chart(survival_curves(LIVES, "host", MAX_LINES))
    assert chart is not None
    assert "style" not in chart.svg
    assert "<script" not in chart.svg
