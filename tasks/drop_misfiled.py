"""Weed out the pictures that are in the wrong list."""

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from regraft.backbones import embedding
from regraft.dataset import misfiled
from regraft.dataset.manifest import check_enough
from regraft.dataset.screening import Screened
from regraft.pipeline.run import Run
from regraft.pipeline.steps import Embedded


@task(name="weed", cache_policy=NO_CACHE)
def weed(screened: Screened, manifest: pd.DataFrame, embedded: Embedded, run: Run) -> tuple[Screened, pd.DataFrame]:
    """Return links and manifest without misfiled pictures; the store remembers them. Raises TooFewImages."""
    if not run.config.screen.misfiled:
        return screened, manifest
    with run.meter.step("weed"):
        features = embedding.lookup(manifest["digest"].tolist(), embedded.fingerprint, run.store)
        found = misfiled.remembered(misfiled.find(manifest, features), run.store)
        left = manifest[~misfiled.among(manifest, found)].reset_index(drop=True)
        check_enough(left, run.config)
        return screened.without(found), left
