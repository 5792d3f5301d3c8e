"""Publish the version, and show it in the dashboard."""

from typing import Any

from prefect import runtime, task
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE

from regraft.judging.evaluation import Evaluation
from regraft.pipeline import publish as publishing
from regraft.pipeline.bench import Bench
from regraft.pipeline.publish import Finished
from regraft.pipeline.spec import RunSpec
from regraft.pipeline.steps import Learnt
from regraft.reporting import report
from regraft.reporting.report import Story
from regraft.tasks.dashboard.events import tell
from regraft.tasks.dashboard.progress import artifact_key

METRICS = "Metrics from version to version, the newest first; RMSE is in cm, or of the probabilities of categories."


@task(name="publish", cache_policy=NO_CACHE)
def publish(learnt: Learnt, evaluation: Evaluation, spec: RunSpec) -> str:
    """Publish one immutable version, move the champion if the gate said so, and return the version's name."""
    bench = Bench.of(spec)
    with bench.meter.step("publish"):
        flow_run = {"flow_run_id": str(runtime.flow_run.id), "flow_run_name": str(runtime.flow_run.name)}
        head, embedded = learnt.head, learnt.embedded
        made = Finished(
            learnt.screened,
            learnt.manifest,
            evaluation,
            head.head,
            head.history,
            embedded.fingerprint,
            embedded.computed,
            embedded.device,
            flow_run,
            embedded.tuned,
            embedded.same,
        )
        story = publishing.publish(bench, made)
        show(story, spec)
        tell(story, spec)
        return story.version


def show(story: Story, spec: RunSpec) -> None:
    """Put link health, metrics, report and a link to it into the dashboard. Keys carry the job's name."""
    create_table_artifact(
        key=artifact_key(spec, "link-health"), table=report.link_health(story.links), description="Links by reason"
    )
    create_markdown_artifact(
        key=artifact_key(spec, "report"), markdown=report.markdown(story), description=story.version
    )
    create_table_artifact(key=artifact_key(spec, "metrics"), table=past(story), description=METRICS)
    create_link_artifact(
        key=artifact_key(spec, "version"),
        link=f"{spec.config.reports_url.rstrip('/')}/{story.version}/report.html",
        link_text=f"{story.version}: the full report",
        description=f"{story.metrics.why} The link needs `regraft serve --store {spec.config.store}`.",
    )


def past(story: Story) -> list[dict[str, Any]]:
    """Return the job's newest versions, the newest first: for a table. Columns that are empty in all are left out."""
    rows = [
        {
            "version": told.version,
            "champion": "champion" if told.champion else "",
            "alive links": told.alive,
            "images": told.images,
            "RMSE": f"{told.rmse:.2f}" if told.accuracy is None else f"{told.rmse:.3f}",
            "named right": report.percent(told.accuracy),
            "above the oracle": report.percent(told.excess),
            "AUC": "" if told.auc is None else f"{told.auc:.3f}",
        }
        for told in reversed(story.past)
    ]
    shown = [name for name in rows[0] if any(row[name] != "" for row in rows)]
    return [{name: row[name] for name in shown} for row in rows]
