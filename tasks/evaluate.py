"""Evaluate the head as saved."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from regraft.dataset import misfiled
from regraft.judging.holdout import holdout
from regraft.judging.metrics import Evaluation
from regraft.pipeline import reuse as recipe
from regraft.pipeline.run import Run
from regraft.pipeline.steps import Learnt


@task(name="evaluate", cache_policy=NO_CACHE)
def evaluate(learnt: Learnt, run: Run) -> Evaluation:
    """Return metrics, and the gate's decision. Raises TrainingError where the saved head is not the trained one."""
    with run.meter.step("evaluate"):
        links, same = learnt.screened.links, learnt.embedded.same
        held_out = holdout(learnt.manifest, links, run.config, run.store)
        found = recipe.evaluated(same, held_out, run) if same else None
        if found is not None:
            return found
        from regraft.judging import evaluate as trial

        candidate = trial.Candidate(
            learnt.head.path.read_bytes(), learnt.head.predicted, learnt.embedded.extractor(run)
        )
        return trial.evaluate(learnt.manifest, held_out, misfiled.held_out(links, run.config), candidate, run)
