"""One shard of links: asked, judged, remembered; unless the failures say that it is this machine that is down."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pandas as pd

from regraft import links
from regraft.errors import OutageError
from regraft.links import Finding
from regraft.run import Run

FEW = 5
"""Fewer failures than this never make an outage."""


def shards(table: pd.DataFrame) -> dict[int, pd.DataFrame]:
    """Return the links (url, category) by shard. A URL in two lists has a row in each, in the same shard."""
    number = table["url"].map(links.shard_of)
    return {int(shard): part.reset_index(drop=True) for shard, part in table.groupby(number)}


def fetch_shard(shard: int, asked: pd.DataFrame, run: Run) -> pd.DataFrame:
    """Return a shard's links as rows of links.SCHEMA, and remember them in the store.

    Links that a run that was cut off had checked are not asked again. Raises OutageError, and remembers nothing, where
    too large a share of the links fails because of this machine.
    """
    progress = run.meter.expect("fetch", asked["url"].nunique())
    memory = run.store.links(shard)
    fresh = memory[memory["checked_at"] >= run.since]
    urls = [url for url in dict.fromkeys(asked["url"]) if url not in set(fresh["url"])]
    findings = run.crew.fetch(links.jobs(urls, memory.drop_duplicates("url")), progress)
    progress(len(set(asked["url"])) - len(urls))
    check_outage(findings, run.config.fetch.outage_share)
    now = datetime.now(UTC)
    new = asked[~asked["url"].isin(set(fresh["url"]))]
    rows = links.remembered(new, findings, memory.drop_duplicates("url"), now)
    kept = _skipped(asked, fresh)
    table = pd.concat([part for part in (rows, kept) if len(part)], ignore_index=True)
    others = memory[~memory["url"].isin(set(asked["url"]))]
    run.store.put_links(shard, pd.concat([part for part in (table, others) if len(part)], ignore_index=True))
    return table


def check_outage(findings: Sequence[Finding], share: float) -> None:
    """Raise OutageError where so many links failed because of this machine that none of them may be called dead."""
    local = [finding for finding in findings if finding.local]
    if len(local) >= FEW and len(local) > share * len(findings):
        raise OutageError(
            f"{len(local)} of {len(findings)} links failed because of this machine, not of theirs "
            f"(the first: {local[0].detail}). This is an outage, not rot: the run stops, no link is marked dead, "
            "and the champion stays. Check name server, proxy and network, then run again."
        )


def _skipped(asked: pd.DataFrame, fresh: pd.DataFrame) -> pd.DataFrame:
    known = fresh.drop_duplicates("url").drop(columns="category")
    kept = asked[["url", "category"]].merge(known, on="url")
    return kept.assign(outcome="skipped")[links.COLUMNS]
