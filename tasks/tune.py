"""Fine-tune the backbone's last blocks, where the config asks for it."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from regraft.pipeline import steps
from regraft.pipeline.results import Embedded, Manifest
from regraft.pipeline.spec import RunSpec
from regraft.tasks.bench import bench_of


@task(name="tune", cache_policy=NO_CACHE)
def tune(manifest: Manifest, embedded: Embedded, spec: RunSpec) -> Embedded:
    """Return the features of the backbone once it has learnt. Needs all cores, or the GPU."""
    return steps.tune(manifest, embedded, bench_of(spec))
