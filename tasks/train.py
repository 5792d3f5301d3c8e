"""Train the head."""

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from regraft.pipeline.run import Run
from regraft.pipeline.steps import Embedded, TrainedHead


@task(name="train", cache_policy=NO_CACHE)
def train(manifest: pd.DataFrame, embedded: Embedded, run: Run) -> TrainedHead:
    """Return a head trained on the cached features. Needs all cores for some seconds."""
    from regraft.backbones import embedding
    from regraft.heads import head

    with run.meter.step("train"):
        features = embedding.lookup(manifest["digest"].tolist(), embedded.fingerprint, run.store)
        trained = head.train(manifest, features, run.config.head, run.config.seed)
        path = run.folder / "head.keras"
        path.write_bytes(trained.head.to_bytes())
        return TrainedHead(path, trained.history, trained.head.predict(features))
