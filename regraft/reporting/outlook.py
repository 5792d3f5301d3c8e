"""How long a version's links have lasted and will last: the charts of a report, and their gist in a line."""

from dataclasses import dataclass

from regraft.links.lifetimes import CONFIDENCE, survival_curves
from regraft.reporting.line_chart import MAX_LINES, LineChart, forecast_chart, survival_chart
from regraft.reporting.report import Report

BAND = f"{CONFIDENCE:.0%}"


@dataclass(frozen=True)
class TitledChart:
    """A chart with what stands above and beneath."""

    title: str
    chart: LineChart
    note: str


def charts(report: Report) -> list[TitledChart]:
    """Return the charts that there is enough known for: the forecast, and survival by category and by host."""
    drawn = []
    if chart := forecast_chart(report.run.survival, report.forecasts):
        note = f"Until today as counted; then what is expected, and where {BAND} of futures lie."
        drawn.append(TitledChart("Links that show a picture, until now and to come", chart, note))
    return drawn + [
        TitledChart(
            f"Links that still show their photos, by {by}",
            chart,
            f"Kaplan-Meier curves over all versions, with {BAND} intervals.",
        )
        for by in ("category", "host")
        if (chart := survival_chart(survival_curves(report.lives, by, MAX_LINES)))
    ]


def survival_gist(report: Report) -> str:
    """Return in a few words how long the links will last."""
    soonest = next(iter(report.forecasts.items()), None)
    if soonest is None:
        return "a forecast needs a few versions more"
    category, outlook = soonest
    if outlook.days_left is None:
        return f"no category runs out within {len(outlook.median)} days"
    return f"{category} runs out in about {outlook.days_left} days"
