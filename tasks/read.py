"""Read the lists."""

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.tasks import exponential_backoff

from regraft.backbones.weights import weights_source
from regraft.errors import ListError
from regraft.links.lists import read_list
from regraft.pipeline.bench import Bench
from regraft.pipeline.spec import RunSpec
from regraft.tasks.retrying import may_help
from regraft.web.client import Client


@task(
    name="read",
    cache_policy=NO_CACHE,
    retries=2,
    retry_delay_seconds=exponential_backoff(2),
    retry_jitter_factor=0.5,
    retry_condition_fn=may_help,
)
def read(spec: RunSpec) -> pd.DataFrame:
    """Return every link of every list: category, url, label. Raises ListError naming the list that cannot be read.

    Raises BackboneError where the backbone's weights are not there, which is better known before an hour of fetching.
    """
    weights_source(spec.config.backbone.name, spec.config.backbone.weights)
    client = Client.of(spec.config.fetch)
    with Bench.of(spec).meter.step("read"):
        lists = [read_list(name, category.list, client) for name, category in spec.config.categories.items()]
    if not lists:
        raise ListError("The config names no list.")
    return pd.concat(lists, ignore_index=True)
