"""Label the pictures."""

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from regraft.dataset.manifest import check_enough, check_vary, labelled
from regraft.pipeline.run import Run


@task(name="label", cache_policy=NO_CACHE)
def label(pictures: pd.DataFrame, links: pd.DataFrame, run: Run) -> pd.DataFrame:
    """Return the manifest. Raises TooFewImages, or ConfigError where labels do not vary."""
    with run.meter.step("label"):
        manifest = labelled(pictures, links, run.config)
        check_enough(manifest, run.config)
        check_vary(manifest)
        return manifest
