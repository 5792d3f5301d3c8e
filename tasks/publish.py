"""Publish the version, and show it in the dashboard."""

import httpx
from prefect import runtime, task
from prefect.cache_policies import NO_CACHE

from regraft.errors import ServerError
from regraft.pipeline import steps
from regraft.pipeline.results import Evaluated, Learnt
from regraft.pipeline.spec import RunSpec
from regraft.store.run_record import PrefectRun
from regraft.tasks.bench import bench_of
from regraft.tasks.dashboard.artifacts import create_artifacts
from regraft.tasks.dashboard.events import emit_events


@task(name="publish", cache_policy=NO_CACHE)
def publish(learnt: Learnt, evaluated: Evaluated, spec: RunSpec) -> str:
    """Publish one immutable version, move the champion if the gate said so, and return the version's name.

    Raises ServerError where the version is published and Prefect's server does not answer any more.
    """
    flow_run = PrefectRun(flow_run_id=str(runtime.flow_run.id), flow_run_name=str(runtime.flow_run.name))
    report = steps.publish(learnt, evaluated, flow_run, bench_of(spec))
    try:
        create_artifacts(report)
        emit_events(report)
    except httpx.TransportError as error:
        raise ServerError(
            f"Version {report.version} is published, but Prefect's server stopped answering before it could be shown "
            "there. Start the server again; the next run puts that right."
        ) from error
    return report.version
