"""Embed the images."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from regraft.pipeline import steps
from regraft.pipeline.results import Embedded, Manifest
from regraft.pipeline.spec import RunSpec
from regraft.tasks.bench import bench_of
from regraft.tasks.retrying import is_worth_retrying


@task(name="embed", cache_policy=NO_CACHE, retries=1, retry_delay_seconds=2, retry_condition_fn=is_worth_retrying)
def embed(manifest: Manifest, spec: RunSpec) -> Embedded:
    """Have the store hold every image's features. Needs all cores, or the GPU where TensorFlow sees one."""
    return steps.embed(manifest, bench_of(spec))
