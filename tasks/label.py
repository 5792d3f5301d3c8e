"""Label the pictures."""

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from regraft.dataset.manifest import check_enough, check_vary, manifest_of
from regraft.pipeline.bench import Bench
from regraft.pipeline.spec import RunSpec
from regraft.targets.labelling import Labelling


@task(name="label", cache_policy=NO_CACHE)
def label(pictures: pd.DataFrame, links: pd.DataFrame, spec: RunSpec) -> pd.DataFrame:
    """Return the manifest. Raises TooFewImages, or ConfigError where labels do not vary."""
    with Bench.of(spec).meter.step("label"):
        labels = Labelling.of(spec.config).labels(pictures, links)
        manifest = manifest_of(pictures, labels, spec.config.split, spec.config.seed)
        check_enough(manifest, spec.config.categories, spec.config.split)
        check_vary(manifest)
        return manifest
