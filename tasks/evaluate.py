"""Evaluate the head as saved."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from regraft.judging.evaluation import Evaluation, Terms
from regraft.judging.holdout import holdout, misfiled_of_test_split
from regraft.pipeline import reuse as recipe
from regraft.pipeline.bench import Bench
from regraft.pipeline.spec import RunSpec
from regraft.pipeline.steps import Learnt
from regraft.targets.labelling import Labelling


@task(name="evaluate", cache_policy=NO_CACHE)
def evaluate(learnt: Learnt, spec: RunSpec) -> Evaluation:
    """Return metrics, and the gate's decision. Raises TrainingError where the saved head is not the trained one."""
    bench = Bench.of(spec)
    with bench.meter.step("evaluate"):
        links, same = learnt.screened.links, learnt.embedded.same
        labelling = Labelling.of(spec.config)
        held_out = holdout(learnt.manifest, links, labelling, spec.config.screen, bench.store)
        found = recipe.evaluated(same, held_out, spec.config) if same else None
        if found is not None:
            return found
        from regraft.judging.evaluate import Candidate
        from regraft.judging.evaluate import evaluate as evaluate_candidate

        candidate = Candidate(learnt.head.head, learnt.head.predicted, learnt.embedded.extractor(spec.config))
        misfiled = misfiled_of_test_split(links, labelling)
        return evaluate_candidate(learnt.manifest, held_out, misfiled, candidate, Terms.of(spec.config), bench.store)
