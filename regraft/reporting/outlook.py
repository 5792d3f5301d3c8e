"""How long a version's links have lasted and will last: the charts of a report, and their gist in a line."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from regraft.links.forecast import Forecast
from regraft.links.lifetimes import CONFIDENCE, survival_curves
from regraft.reporting.line_chart import MAX_LINES, LineChart, forecast_chart, survival_chart
from regraft.reporting.report import Report
from regraft.store.run_record import RunRecord

BAND = f"{CONFIDENCE:.0%}"


@dataclass(frozen=True)
class TitledChart:
    """A chart with what stands above and beneath."""

    title: str
    chart: LineChart
    note: str


def charts(run: RunRecord, lives: pd.DataFrame, forecasts: Mapping[str, Forecast]) -> list[TitledChart]:
    """Return the charts that there is enough known for: the forecast, and survival by category and by host.

    `lives` has the columns lifetimes.LIVES.
    """
    drawn = []
    if chart := forecast_chart(run.survival, forecasts):
        note = f"Until today as counted; then what is expected, and where {BAND} of futures lie."
        if run.counts.archived:
            note += " Pictures that a web archive has kept stay, and are not counted."
        drawn.append(TitledChart("Links that show a picture, until now and to come", chart, note))
    return drawn + [
        TitledChart(
            f"Links that still show their photos, by {by}",
            chart,
            f"Kaplan-Meier curves over all versions, with {BAND} intervals.",
        )
        for by in ("category", "host")
        if (chart := survival_chart(survival_curves(lives, by, MAX_LINES)))
    ]


def survival_gist(report: Report) -> str:
    """Return in a few words how long the links will last."""
    soonest = next(iter(report.forecasts.items()), None)
    if soonest is None:
        return "a forecast needs a few more versions"
    category, outlook = soonest
    if outlook.days_left is None:
        return f"no category runs out within {len(outlook.median)} days"
    return f"{category} runs out in about {outlook.days_left} days"
