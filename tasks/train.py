"""Train the head."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from regraft.pipeline import steps
from regraft.pipeline.results import Embedded, Manifest, TrainedHead
from regraft.pipeline.spec import RunSpec
from regraft.tasks.bench import bench_of


@task(name="train", cache_policy=NO_CACHE)
def train(manifest: Manifest, embedded: Embedded, spec: RunSpec) -> TrainedHead:
    """Return a head trained on the features in the store. Needs all cores for some seconds."""
    return steps.train(manifest, embedded, bench_of(spec))
