"""Label the pictures."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from regraft.pipeline import steps
from regraft.pipeline.results import Links, Manifest, Screened
from regraft.pipeline.spec import RunSpec
from regraft.tasks.bench import bench_of


@task(name="label", cache_policy=NO_CACHE)
def label(screened: Screened, links: Links, spec: RunSpec) -> Manifest:
    """Return the manifest: pictures with labels and splits. Needs little."""
    return steps.label(screened, links, bench_of(spec))
