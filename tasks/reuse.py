"""Find the model again, where nothing that it is made from has changed."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from regraft.pipeline import steps
from regraft.pipeline.results import Learnt, Manifest, Screened
from regraft.pipeline.spec import RunSpec
from regraft.tasks.bench import bench_of


@task(name="reuse", cache_policy=NO_CACHE)
def reuse(screened: Screened, manifest: Manifest, spec: RunSpec) -> Learnt | None:
    """Return what the newest version had learnt, where it would come out the same; None where not. Needs little."""
    return steps.reuse(screened, manifest, bench_of(spec))
