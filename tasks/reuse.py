"""Find the model again, where nothing that it is made from has changed."""

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from regraft.dataset.screening import Screened
from regraft.pipeline import reuse as recipe
from regraft.pipeline.bench import Bench
from regraft.pipeline.spec import RunSpec
from regraft.pipeline.steps import Embedded, Learnt, TrainedHead
from regraft.targets.choice import target_of


@task(name="reuse", cache_policy=NO_CACHE)
def reuse(screened: Screened, manifest: pd.DataFrame, spec: RunSpec) -> Learnt | None:
    """Return what the newest version had learnt, where it would come out the same; None where not."""
    bench = Bench.of(spec)
    with bench.meter.step("reuse"):
        same = recipe.same(manifest, spec.config, bench.store)
        if same is None:
            return None
        about = same.run
        tuned = same.read("backbone.npz") if same.has("backbone.npz") else None
        known = manifest[["digest"]].merge(same.table("predictions.parquet"), on="digest")
        embedded = Embedded(about.backbone_fingerprint, 0, about.device, tuned, same)
        trained = TrainedHead(same.read("head.keras"), about.history, target_of(spec.config).answers(known))
        return Learnt(screened, manifest, embedded, trained)
