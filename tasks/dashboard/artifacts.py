"""A published version in Prefect's dashboard: tables, the report, and a link to it."""

from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from regraft.reporting import rendering
from regraft.reporting.history import history_rows
from regraft.reporting.report import Report
from regraft.reporting.tables import link_health
from regraft.store.store import Store
from regraft.tasks.dashboard.progress import artifact_key

REPORT = "report"
"""What the keys of reports end with; the description is the version's name."""
METRICS_NOTE = "Metrics of the job's versions, the newest first. RMSE is in cm, or of the probabilities of categories."


def create_artifacts(report: Report) -> None:
    """Put link health, metrics, report and a link to it into the dashboard. Keys begin with the job's name."""
    config = report.run.config
    create_table_artifact(
        key=artifact_key(config.name, "link-health"),
        table=[reason.as_row() for reason in link_health(report.links)],
        description="Links by reason",
    )
    create_markdown_artifact(
        key=artifact_key(config.name, REPORT), markdown=rendering.markdown(report), description=report.version
    )
    create_table_artifact(
        key=artifact_key(config.name, "metrics"), table=history_rows(report.history), description=METRICS_NOTE
    )
    create_link_artifact(
        key=artifact_key(config.name, "version"),
        link=f"{config.reports_url.rstrip('/')}/{report.version}/report.html",
        link_text=f"{report.version}: the full report",
        description=f"{report.metrics.why} The link needs `regraft serve --store {Store(config.store).address}`.",
    )
