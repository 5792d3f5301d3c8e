"""Publish the version, and show it in the dashboard."""

from typing import Any

import pandas as pd
from prefect import runtime, task
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE

from regraft import publishing, report, versions
from regraft.evaluation import Evaluation
from regraft.publishing import Finished
from regraft.report import Story
from regraft.run import Run
from regraft.screening import Screened
from regraft.store import Store
from tasks.embed import Embedded
from tasks.events import tell
from tasks.showing import artifact_key
from tasks.train import TrainedHead

METRICS = "Metrics from version to version, the newest first; RMSE is in cm, or of the probabilities of categories."
HISTORY = 20
"""Versions in the dashboard's table."""


@task(name="publish", cache_policy=NO_CACHE)
def publish(
    screened: Screened, manifest: pd.DataFrame, head: TrainedHead, embedded: Embedded, evaluation: Evaluation, run: Run
) -> str:
    """Publish one immutable version, move the champion if the gate said so, and return the version's name."""
    with run.meter.step("publish"):
        flow_run = {"flow_run_id": str(runtime.flow_run.id), "flow_run_name": str(runtime.flow_run.name)}
        made = Finished(
            screened, manifest, evaluation, head.path.read_bytes(), head.history, embedded.fingerprint,
            embedded.computed, embedded.device, flow_run, embedded.tuned.read_bytes() if embedded.tuned else None,
            embedded.same,
        )  # fmt: skip
        story = publishing.publish(run, made)
        show(story, run)
        tell(story, run)
        return story.version


def show(story: Story, run: Run) -> None:
    """Put link health, metrics, report and a link to it into the dashboard. Keys carry the job's name."""
    create_table_artifact(
        key=artifact_key(run, "link-health"), table=report.link_health(story.links), description="Links by reason"
    )
    create_markdown_artifact(
        key=artifact_key(run, "report"), markdown=report.markdown(story), description=story.version
    )
    create_table_artifact(key=artifact_key(run, "metrics"), table=history(run.store), description=METRICS)
    create_link_artifact(
        key=artifact_key(run, "version"), link=f"{run.config.reports_url.rstrip('/')}/{story.version}/report.html",
        link_text=f"{story.version}: the full report",
        description=f"{story.metrics['why']} The link needs `regraft serve --store {run.config.store}`.",
    )  # fmt: skip


def history(store: Store) -> list[dict[str, Any]]:
    """Return the metrics of the newest versions, the newest first: for tables."""
    champion = versions.champion(store)
    rows = []
    for name in reversed(versions.names(store)[-HISTORY:]):
        version = versions.version(store, name)
        metrics, counts = version.json("metrics.json"), version.json("run.json")["counts"]
        test = metrics["test"]
        rows.append({
            "version": name, "champion": "champion" if champion and champion.name == name else "",
            "alive links": counts["verdicts"].get("alive", 0), "images": sum(counts["images"].values()),
            "RMSE": _short(test["rmse"]), "accuracy": _short(test.get("accuracy")),
            "above the oracle": _short(metrics["excess"]), "AUC": _short(test["auc"]),
            "promoted": "yes" if metrics["promoted"] else "no",
        })  # fmt: skip
    return rows


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
