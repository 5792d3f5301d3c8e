"""Embed the images."""

from typing import TYPE_CHECKING

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from regraft.backbones.stderr import muted_stderr
from regraft.pipeline.bench import Bench
from regraft.pipeline.spec import RunSpec
from regraft.pipeline.steps import Embedded
from regraft.tasks.retrying import may_help

if TYPE_CHECKING:
    pass


def preload() -> None:
    """Import what turns pictures into features: TensorFlow, which takes seconds and has much to say about it."""
    with muted_stderr():
        from regraft.backbones import device, embedding, loading  # noqa: F401


@task(name="embed", cache_policy=NO_CACHE, retries=1, retry_delay_seconds=2, retry_condition_fn=may_help)
def embed(manifest: pd.DataFrame, spec: RunSpec) -> Embedded:
    """Have the store hold every image's features. Needs all cores, or the GPU where TensorFlow sees one."""
    preload()
    from regraft.backbones import device, embedding
    from regraft.backbones.loading import load_backbone

    bench, settings = Bench.of(spec), spec.config.backbone
    progress = bench.meter.expect("embed", len(manifest))
    device.use(spec.config.device)
    backbone = load_backbone(settings.name, settings.weights)
    computed = embedding.embed(manifest["digest"].tolist(), backbone, bench.store, settings.batch, progress)
    return Embedded(backbone.fingerprint, computed, device.description())
