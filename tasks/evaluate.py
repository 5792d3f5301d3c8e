"""Evaluate the head as saved."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from regraft.pipeline import steps
from regraft.pipeline.results import Evaluated, Learnt
from regraft.pipeline.spec import RunSpec
from regraft.tasks.bench import bench_of


@task(name="evaluate", cache_policy=NO_CACHE)
def evaluate(learnt: Learnt, spec: RunSpec) -> Evaluated:
    """Return metrics, and the gate's decision. Needs all cores, unless the evaluation stands from an earlier run."""
    return steps.evaluate(learnt, bench_of(spec))
