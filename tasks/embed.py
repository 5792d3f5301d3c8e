"""Embed the images."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from regraft.quiet import muted
from regraft.run import Run
from regraft.versions import Version
from tasks.retrying import may_help

if TYPE_CHECKING:
    from regraft.model import Extractor


@dataclass(frozen=True)
class Embedded:
    """Where features are found, and how many had to be computed."""

    fingerprint: str
    computed: int
    device: str
    """Its name, and what it computes in."""
    tuned: Path | None = None
    """backbone.npz in the run's folder, where the backbone was fine-tuned."""
    same: Version | None = None
    """The version whose model this is too, where it was found again."""

    def extractor(self, run: Run) -> "Extractor":
        """Return what makes these features."""
        from regraft.model import Extractor

        return Extractor(run.config.backbone, self.fingerprint, self.tuned.read_bytes() if self.tuned else None)


def preload() -> None:
    """Import what turns pictures into features: TensorFlow, which takes seconds and has much to say about it."""
    with muted():
        from regraft import backbones, device, embedding  # noqa: F401


@task(name="embed", cache_policy=NO_CACHE, retries=1, retry_delay_seconds=2, retry_condition_fn=may_help)
def embed(manifest: pd.DataFrame, run: Run) -> Embedded:
    """Have the store hold every image's features. Needs all cores, or the GPU where TensorFlow sees one."""
    preload()
    from regraft import backbones, device, embedding

    settings = run.config.backbone
    progress = run.meter.expect("embed", len(manifest))
    device.use(run.config.device)
    backbone = backbones.load(settings.name, settings.weights)
    computed = embedding.embed(manifest["digest"].tolist(), backbone, run.store, settings.batch, progress)
    return Embedded(backbone.fingerprint, computed, device.described())
