"""Evaluate the head as saved."""

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from regraft.evaluation import Evaluation
from regraft.run import Run
from regraft.screening import Screened
from tasks.embed import Embedded
from tasks.train import TrainedHead


@task(name="evaluate", cache_policy=NO_CACHE)
def evaluate(screened: Screened, manifest: pd.DataFrame, head: TrainedHead, embedded: Embedded, run: Run) -> Evaluation:
    """Return metrics, and the gate's decision. Raises TrainingError where the saved head is not the trained one."""
    from regraft import trial

    with run.meter.step("evaluate"):
        saved, extractor = head.path.read_bytes(), embedded.extractor(run)
        return trial.evaluate(manifest, screened.links, saved, head.predicted.to_numpy(), extractor, run)
