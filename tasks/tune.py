"""Fine-tune the backbone's last blocks, where the config asks for it."""

from dataclasses import replace

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from regraft.pipeline.bench import Bench
from regraft.pipeline.spec import RunSpec
from regraft.pipeline.steps import Embedded, TrainedHead
from regraft.targets.choice import target_of


@task(name="tune", cache_policy=NO_CACHE)
def tune(manifest: pd.DataFrame, embedded: Embedded, head: TrainedHead, spec: RunSpec) -> tuple[Embedded, TrainedHead]:
    """Return both after learning together, and the features of the tuned backbone. Needs all cores, or the GPU."""
    from regraft.backbones import embedding
    from regraft.heads import tuning
    from regraft.heads.head import Head

    bench, config, digests = Bench.of(spec), spec.config, manifest["digest"].tolist()
    progress = bench.meter.expect("tune", tuning.max_steps(manifest, config.tune))
    backbone = embedded.extractor(config).backbone()
    saved = Head.from_bytes(head.head, target_of(config))
    tuned = tuning.tune(manifest, backbone, saved, bench.store.blobs, config.tune, config.seed, progress)
    progress = bench.meter.expect("embed again", len(manifest))
    computed = embedding.embed(digests, tuned.backbone, bench.store, config.backbone.batch, progress)
    predicted = tuned.head.predict(embedding.lookup(digests, tuned.backbone.fingerprint, bench.store))
    made = replace(embedded, fingerprint=tuned.backbone.fingerprint, tuned=tuned.weights)
    made = replace(made, computed=embedded.computed + computed)
    return made, TrainedHead(tuned.head.to_bytes(), {**head.history, **tuned.history}, predicted)
