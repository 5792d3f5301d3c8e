"""Find the model again, where nothing that it is made from has changed."""

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from regraft.dataset.screening import Screened
from regraft.pipeline import reuse as recipe
from regraft.pipeline.run import Run
from regraft.pipeline.steps import Embedded, Learnt, TrainedHead
from regraft.targets.choice import target_of


@task(name="recall", cache_policy=NO_CACHE)
def recall(screened: Screened, manifest: pd.DataFrame, run: Run) -> Learnt | None:
    """Return what the newest version had learnt, where it would come out the same; None where not."""
    with run.meter.step("recall"):
        same = recipe.same(manifest, run)
        if same is None:
            return None
        about = same.run
        head, tuned = run.folder / "head.keras", run.folder / "backbone.npz"
        head.write_bytes(same.read("head.keras"))
        if same.has("backbone.npz"):
            tuned.write_bytes(same.read("backbone.npz"))
        known = manifest[["digest"]].merge(same.table("predictions.parquet"), on="digest")
        embedded = Embedded(about.backbone_fingerprint, 0, about.device, tuned if tuned.exists() else None, same)
        trained = TrainedHead(head, about.history, target_of(run.config).answers(known))
        return Learnt(screened, manifest, embedded, trained)
