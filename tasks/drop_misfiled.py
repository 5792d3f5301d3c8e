"""Drop the pictures that are in the wrong list."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from regraft.pipeline import steps
from regraft.pipeline.results import Embedded, Manifest, Screened
from regraft.pipeline.spec import RunSpec
from regraft.tasks.bench import bench_of


@task(name="drop misfiled", cache_policy=NO_CACHE)
def drop_misfiled(
    screened: Screened, manifest: Manifest, embedded: Embedded, spec: RunSpec
) -> tuple[Screened, Manifest]:
    """Return links and manifest without pictures that are misfiled or do not decode. Needs all cores."""
    return steps.drop_misfiled(screened, manifest, embedded, bench_of(spec))
