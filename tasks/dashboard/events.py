"""Events for Prefect's automations: a version was published, the champion changed, links died."""

from prefect.events import emit_event

from regraft.reporting.history import summary
from regraft.reporting.report import Report
from regraft.store.tables import counts_in
from regraft.web.urls import host_of

MAX_HOSTS = 20
"""Hosts that one event names."""


def emit_events(report: Report) -> None:
    """Emit regraft.version.published, and what else happened.

    That is regraft.champion.changed, regraft.links.died, and regraft.category.endangered for each category of which it
    is now expected, and was not in the version before, that it will soon have too few links for a run.

    Each event's resource is the job, `regraft.job.NAME`, with `regraft.store` and `regraft.version`; the numbers are
    in its payload.
    """
    config, metrics = report.run.config, report.metrics
    resource = {
        "prefect.resource.id": f"regraft.job.{config.name}",
        "prefect.resource.name": config.name,
        "regraft.store": config.store,
        "regraft.version": report.version,
    }
    version = summary(report.version, report.run, metrics, metrics.promoted)
    payload = {
        "rmse": version.rmse,
        "auc": version.auc,
        "accuracy": version.accuracy,
        "excess": version.excess,
        "why": version.why,
    }
    emit_event("regraft.version.published", resource, payload=payload)
    if metrics.promoted:
        before = metrics.champion.version if metrics.champion else None
        emit_event("regraft.champion.changed", resource, payload={**payload, "before": before})
    died = report.changes["newly_dead"]
    if len(died):
        counts = {
            "links": len(died),
            "by_category": counts_in(died["category"]),
            "by_host": dict(list(counts_in(died["url"].map(host_of)).items())[:MAX_HOSTS]),
        }
        emit_event("regraft.links.died", resource, payload=counts)
    for category in report.newly_endangered:
        outlook = {
            "category": category,
            "alive": report.run.survival[category].alive,
            "days_left": report.forecasts[category].days_left,
        }
        emit_event("regraft.category.endangered", resource, payload=outlook)
