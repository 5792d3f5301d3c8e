"""Train the head."""

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from regraft.pipeline.bench import Bench
from regraft.pipeline.spec import RunSpec
from regraft.pipeline.steps import Embedded, TrainedHead
from regraft.targets.choice import target_of


@task(name="train", cache_policy=NO_CACHE)
def train(manifest: pd.DataFrame, embedded: Embedded, spec: RunSpec) -> TrainedHead:
    """Return a head trained on the cached features. Needs all cores for some seconds."""
    from regraft.backbones import embedding
    from regraft.heads.training import train as train_head

    bench = Bench.of(spec)
    with bench.meter.step("train"):
        features = embedding.lookup(manifest["digest"].tolist(), embedded.fingerprint, bench.store)
        trained = train_head(manifest, features, target_of(spec.config), spec.config.head, spec.config.seed)
        return TrainedHead(trained.head.to_bytes(), trained.history, trained.head.predict(features))
