"""Read the lists."""

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.tasks import exponential_backoff

from regraft.pipeline import steps
from regraft.pipeline.results import Links
from regraft.pipeline.spec import RunSpec
from regraft.tasks.bench import bench_of
from regraft.tasks.retrying import is_worth_retrying


@task(
    name="read",
    cache_policy=NO_CACHE,
    retries=2,
    retry_delay_seconds=exponential_backoff(2),
    retry_jitter_factor=0.5,
    retry_condition_fn=is_worth_retrying,
)
def read(spec: RunSpec) -> Links:
    """Return every link of every list. Needs the network, where a list is behind a URL."""
    return steps.read(bench_of(spec))
