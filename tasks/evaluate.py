"""Evaluate the head as saved."""

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from regraft import recipe
from regraft.evaluation import Evaluation
from regraft.holdout import holdout
from regraft.run import Run
from regraft.screening import Screened
from tasks.embed import Embedded
from tasks.train import TrainedHead


@task(name="evaluate", cache_policy=NO_CACHE)
def evaluate(screened: Screened, manifest: pd.DataFrame, head: TrainedHead, embedded: Embedded, run: Run) -> Evaluation:
    """Return metrics, and the gate's decision. Raises TrainingError where the saved head is not the trained one."""
    with run.meter.step("evaluate"):
        held_out = holdout(manifest, screened.links, run.config, run.store)
        found = recipe.evaluated(embedded.same, held_out, run) if embedded.same else None
        if found is not None:
            return found
        from regraft import trial

        saved, extractor = head.path.read_bytes(), embedded.extractor(run)
        return trial.evaluate(manifest, held_out, saved, head.predicted, extractor, run)
