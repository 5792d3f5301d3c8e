"""Screen all links together."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from regraft.dataset import screening
from regraft.dataset.screening import Screened
from regraft.pipeline.bench import Bench
from regraft.pipeline.spec import RunSpec


@task(name="screen", cache_policy=NO_CACHE)
def screen(fetched: Sequence[pd.DataFrame], spec: RunSpec) -> Screened:
    """Return the links with their last verdicts, and the pictures to learn from. Needs memory for the tables."""
    bench = Bench.of(spec)
    bench.crew.close()  # all is fetched: its processes' memory is better used for tables and networks
    with bench.meter.step("screen"):
        links, config = pd.concat(fetched, ignore_index=True), spec.config
        return screening.screen(links, config.screen, config.split, config.seed, bench.store, datetime.now(UTC))
