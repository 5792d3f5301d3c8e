"""Publish the version, and show it in the dashboard."""

import re

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
from tasks.embed import Embedded
from tasks.train import TrainedHead


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
        return story.version


def show(story: Story, run: Run) -> None:
    """Put link health, report and a link to the version into the dashboard. Keys carry the job's name."""
    job = re.sub(r"[^a-z0-9]+", "-", run.config.name.lower()).strip("-")
    path = versions.version(run.store, story.version).path
    create_table_artifact(
        key=f"{job}-link-health", table=report.link_health(story.links), description="Links by reason"
    )
    create_markdown_artifact(key=f"{job}-report", markdown=report.markdown(story), description=story.version)
    create_link_artifact(
        key=f"{job}-version", link=f"file://{path}/report.html" if path.startswith("/") else f"{path}/report.html",
        link_text=f"{story.version}: the full report", description=story.metrics["why"],
    )  # fmt: skip
