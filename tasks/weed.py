"""Weed out the pictures that are in the wrong list."""

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from regraft import embedding, misfiled, screening
from regraft.labels import check_enough
from regraft.run import Run
from regraft.screening import Screened
from tasks.embed import Embedded


@task(name="weed", cache_policy=NO_CACHE)
def weed(screened: Screened, manifest: pd.DataFrame, embedded: Embedded, run: Run) -> tuple[Screened, pd.DataFrame]:
    """Return links and manifest without misfiled pictures; the store remembers them. Raises TooFewImages."""
    if not run.config.screen.misfiled:
        return screened, manifest
    with run.meter.step("weed"):
        features = embedding.lookup(manifest["digest"].tolist(), embedded.fingerprint, run.store)
        found = misfiled.remembered(misfiled.find(manifest, features), run.store)
        left = manifest[~screening.among(manifest, found)].reset_index(drop=True)
        check_enough(left, run.config)
        return screened.without(found), left
