"""Embed the images."""

from dataclasses import dataclass

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from regraft.quiet import muted
from regraft.run import Run


@dataclass(frozen=True)
class Embedded:
    """Where features are found, and how many had to be computed."""

    fingerprint: str
    computed: int
    device: str


@task(name="embed", cache_policy=NO_CACHE, retries=1, retry_delay_seconds=2)
def embed(manifest: pd.DataFrame, run: Run) -> Embedded:
    """Have the store hold every image's features. Needs all cores, or the GPU where TensorFlow sees one."""
    with muted():  # TensorFlow is imported where pictures become features, and has much to say about it
        from regraft import backbones, embedding
        from regraft.device import device

    settings = run.config.backbone
    progress = run.meter.expect("embed", len(manifest))
    backbone = backbones.load(settings.name, settings.weights)
    computed = embedding.embed(manifest["digest"].tolist(), backbone, run.store, settings.batch, progress)
    return Embedded(backbone.fingerprint, computed, device())
