"""Fetch and judge one lane of links."""

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.tasks import exponential_backoff

from regraft.pipeline import steps
from regraft.pipeline.results import FetchedLane, Lane
from regraft.pipeline.spec import RunSpec
from regraft.tasks.bench import bench_of
from regraft.tasks.retrying import is_worth_retrying


@task(
    name="fetch",
    task_run_name="fetch-{lane.number:02d}",
    cache_policy=NO_CACHE,
    retries=2,
    retry_delay_seconds=exponential_backoff(2),
    retry_jitter_factor=0.5,
    retry_condition_fn=is_worth_retrying,
)
def fetch(lane: Lane, spec: RunSpec) -> FetchedLane:
    """Return the lane's links with verdicts; pictures go to the store. Needs the network, and a core a process."""
    return steps.fetch(lane, bench_of(spec))
