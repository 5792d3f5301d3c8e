"""Tell Prefect what happened, so that automations may act on it."""

import pandas as pd
from prefect.events import emit_event

from regraft.pipeline.spec import RunSpec
from regraft.reporting.report import Story
from regraft.web.urls import host_of

MOST_HOSTS = 20
"""Hosts named in one event at most."""


def tell(story: Story, spec: RunSpec) -> None:
    """Emit regraft.version.published, and where they happened regraft.champion.changed and regraft.links.died.

    Each event's resource is the job, `regraft.job.NAME`, with `regraft.store` and `regraft.version`; the numbers are
    in its payload.
    """
    resource = {
        "prefect.resource.id": f"regraft.job.{spec.config.name}",
        "prefect.resource.name": spec.config.name,
        "regraft.store": spec.config.store,
        "regraft.version": story.version,
    }
    metrics = story.metrics
    told = {
        "rmse": metrics.test.rmse,
        "auc": metrics.test.auc,
        "accuracy": metrics.test.accuracy if metrics.test.kind == "category" else None,
        "excess": metrics.excess,
        "why": metrics.why,
    }
    emit_event("regraft.version.published", resource, payload=told)
    if metrics.promoted:
        before = metrics.champion.version if metrics.champion else None
        emit_event("regraft.champion.changed", resource, payload={**told, "before": before})
    died = story.changed["newly_dead"]
    if len(died):
        hosts = died["url"].map(host_of).value_counts().head(MOST_HOSTS)
        counts = {
            "links": len(died),
            "by_category": _counted(died["category"].value_counts()),
            "by_host": _counted(hosts),
        }
        emit_event("regraft.links.died", resource, payload=counts)


def _counted(counts: "pd.Series[int]") -> dict[str, int]:
    return {str(name): int(count) for name, count in counts.items()}
