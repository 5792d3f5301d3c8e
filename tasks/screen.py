"""Screen all links together."""

from collections.abc import Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE

from regraft.pipeline import steps
from regraft.pipeline.results import FetchedLane, Screened
from regraft.pipeline.spec import RunSpec
from regraft.tasks.bench import bench_of


@task(name="screen", cache_policy=NO_CACHE)
def screen(fetched: Sequence[FetchedLane], spec: RunSpec) -> Screened:
    """Return the links with their last verdicts, and the pictures to learn from. Needs memory for the tables."""
    return steps.screen(fetched, bench_of(spec))
