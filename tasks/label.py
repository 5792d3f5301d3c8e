"""Label the pictures."""

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from regraft.labels import check_enough, labelled
from regraft.run import Run


@task(name="label", cache_policy=NO_CACHE)
def label(pictures: pd.DataFrame, links: pd.DataFrame, run: Run) -> pd.DataFrame:
    """Return the manifest. Raises TooFewImages where a category cannot be split."""
    with run.meter.step("label"):
        manifest = labelled(pictures, links, run.config)
        check_enough(manifest, run.config)
        return manifest
