"""Drop the pictures that are in the wrong list."""

from datetime import UTC, datetime

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from regraft.backbones import embedding
from regraft.dataset import misfiled
from regraft.dataset.manifest import check_enough
from regraft.dataset.neighbours import find_misfiled
from regraft.dataset.screening import Screened
from regraft.pipeline.bench import Bench
from regraft.pipeline.spec import RunSpec
from regraft.pipeline.steps import Embedded


@task(name="drop misfiled", cache_policy=NO_CACHE)
def drop_misfiled(
    screened: Screened, manifest: pd.DataFrame, embedded: Embedded, spec: RunSpec
) -> tuple[Screened, pd.DataFrame]:
    """Return links and manifest without misfiled pictures; the store remembers them. Raises TooFewImages."""
    bench = Bench.of(spec)
    if not spec.config.screen.misfiled:
        return screened, manifest
    with bench.meter.step("drop misfiled"):
        features = embedding.lookup(manifest["digest"].tolist(), embedded.fingerprint, bench.store)
        new = misfiled.remember(find_misfiled(manifest, features), bench.store, datetime.now(UTC))
        left = manifest[~misfiled.is_among(manifest, new)].reset_index(drop=True)
        check_enough(left, spec.config.categories, spec.config.split)
        return screened.without(new), left
