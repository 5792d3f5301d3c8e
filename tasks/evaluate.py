"""Evaluate the head as saved."""

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from regraft.evaluation import Evaluation
from regraft.run import Run
from tasks.embed import Embedded
from tasks.train import TrainedHead


@task(name="evaluate", cache_policy=NO_CACHE)
def evaluate(manifest: pd.DataFrame, head: TrainedHead, embedded: Embedded, run: Run) -> Evaluation:
    """Return metrics, and the gate's decision. Raises TrainingError where the saved head is not the trained one."""
    from regraft import trial
    from regraft.embedding import lookup

    with run.meter.step("evaluate"):
        features = lookup(manifest["digest"].tolist(), embedded.fingerprint, run.store)
        return trial.evaluate(manifest, features, head.path.read_bytes(), head.predicted.to_numpy(), run)
