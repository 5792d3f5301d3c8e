"""Evaluate the head as saved."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from regraft.dataset import misfiled
from regraft.judging.holdout import holdout
from regraft.judging.metrics import Evaluation
from regraft.pipeline import reuse as recipe
from regraft.pipeline.bench import Bench
from regraft.pipeline.spec import RunSpec
from regraft.pipeline.steps import Learnt


@task(name="evaluate", cache_policy=NO_CACHE)
def evaluate(learnt: Learnt, spec: RunSpec) -> Evaluation:
    """Return metrics, and the gate's decision. Raises TrainingError where the saved head is not the trained one."""
    bench = Bench.of(spec)
    with bench.meter.step("evaluate"):
        links, same = learnt.screened.links, learnt.embedded.same
        held_out = holdout(learnt.manifest, links, spec.config, bench.store)
        found = recipe.evaluated(same, held_out, spec.config) if same else None
        if found is not None:
            return found
        from regraft.judging import evaluate as trial

        candidate = trial.Candidate(learnt.head.head, learnt.head.predicted, learnt.embedded.extractor(spec.config))
        return trial.evaluate(learnt.manifest, held_out, misfiled.held_out(links, spec.config), candidate, bench)
