"""Fine-tune the backbone's last blocks, where the config asks for it."""

from dataclasses import replace

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from regraft.pipeline.run import Run
from regraft.pipeline.steps import Embedded, TrainedHead
from regraft.targets.choice import target_of


@task(name="tune", cache_policy=NO_CACHE)
def tune(manifest: pd.DataFrame, embedded: Embedded, head: TrainedHead, run: Run) -> tuple[Embedded, TrainedHead]:
    """Return both after learning together, and the features of the tuned backbone. Needs all cores, or the GPU."""
    from regraft.backbones import embedding
    from regraft.heads import tuning
    from regraft.heads.head import Head

    config, digests = run.config, manifest["digest"].tolist()
    progress = run.meter.expect("tune", tuning.steps(manifest, config.tune))
    backbone = embedded.extractor(run).backbone()
    saved = Head.from_bytes(head.path.read_bytes(), target_of(config))
    tuned = tuning.tune(manifest, backbone, saved, run.store, config.tune, config.seed, progress)
    weights = run.folder / "backbone.npz"
    weights.write_bytes(tuned.weights)
    head.path.write_bytes(tuned.head.to_bytes())
    progress = run.meter.expect("embed again", len(manifest))
    computed = embedding.embed(digests, tuned.backbone, run.store, config.backbone.batch, progress)
    predicted = tuned.head.predict(embedding.lookup(digests, tuned.backbone.fingerprint, run.store))
    made = replace(embedded, fingerprint=tuned.backbone.fingerprint, tuned=weights)
    made = replace(made, computed=embedded.computed + computed)
    return made, TrainedHead(head.path, {**head.history, **tuned.history}, predicted)
