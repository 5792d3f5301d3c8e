"""Train the head."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from regraft.answers import Answers
from regraft.run import Run
from regraft.screening import Screened
from tasks.embed import Embedded


@dataclass(frozen=True)
class TrainedHead:
    """A head in the run's folder, what it predicted before it was saved, and its loss curves."""

    path: Path
    history: dict[str, list[float]]
    predicted: Answers


@dataclass(frozen=True)
class Learnt:
    """What a run has learnt, and from what."""

    screened: Screened
    manifest: pd.DataFrame
    embedded: Embedded
    head: TrainedHead


@task(name="train", cache_policy=NO_CACHE)
def train(manifest: pd.DataFrame, embedded: Embedded, run: Run) -> TrainedHead:
    """Return a head trained on the cached features. Needs all cores for some seconds."""
    from regraft import embedding, head

    with run.meter.step("train"):
        features = embedding.lookup(manifest["digest"].tolist(), embedded.fingerprint, run.store)
        trained = head.train(manifest, features, run.config.head, run.config.seed)
        path = run.folder / "head.keras"
        path.write_bytes(trained.head.to_bytes())
        return TrainedHead(path, trained.history, trained.head.predict(features))
