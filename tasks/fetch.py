"""Fetch and judge one shard of links."""

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.tasks import exponential_backoff

from regraft.fetching.shard import fetch_shard
from regraft.pipeline.bench import Bench
from regraft.pipeline.spec import RunSpec
from regraft.tasks.retrying import may_help


@task(
    name="fetch",
    task_run_name="fetch-{shard[0]:02d}",
    cache_policy=NO_CACHE,
    retries=2,
    retry_delay_seconds=exponential_backoff(2),
    retry_jitter_factor=0.5,
    retry_condition_fn=may_help,
)
def fetch(shard: tuple[int, pd.DataFrame], spec: RunSpec) -> pd.DataFrame:
    """Return the shard's links with verdicts; pictures go to the store. Needs the network and the crew's processes."""
    number, links = shard
    bench, config = Bench.of(spec), spec.config
    return fetch_shard(
        number,
        links,
        crew=bench.crew,
        store=bench.store,
        settings=config.fetch,
        near=config.screen.near,
        since=spec.since,
        progress=bench.meter.expect("fetch", links["url"].nunique()),
    )
