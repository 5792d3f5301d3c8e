"""Embed the images."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from regraft.pipeline import steps
from regraft.pipeline.results import Chunk, Embedded
from regraft.pipeline.spec import RunSpec
from regraft.tasks.bench import bench_of
from regraft.tasks.retrying import is_worth_retrying


@task(name="embed", cache_policy=NO_CACHE, retries=1, retry_delay_seconds=2, retry_condition_fn=is_worth_retrying)
def embed(chunk: Chunk, spec: RunSpec) -> Embedded:
    """Have the store hold features of a chunk's images. Needs all cores, or the GPU where TensorFlow sees one."""
    return steps.embed(chunk, bench_of(spec))
