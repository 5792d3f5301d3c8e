"""Ask a web archive for dead links."""

from collections.abc import Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE

from regraft.pipeline import steps
from regraft.pipeline.results import FetchedLane
from regraft.pipeline.spec import RunSpec
from regraft.tasks.bench import bench_of


@task(name="ask_archive", cache_policy=NO_CACHE)
def ask_archive(fetched: Sequence[FetchedLane], spec: RunSpec) -> int:
    """Return of how many dead links the config's web archive has a new picture; it goes to the store."""
    return steps.ask_archive(fetched, bench_of(spec))
