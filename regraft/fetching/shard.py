"""One shard of links: asked, judged, remembered; unless the failures say that it is this machine that is down."""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from regraft.config import FetchSettings
from regraft.errors import OutageError
from regraft.fetching.breaker import SILENT
from regraft.fetching.crew import Crew, Progress
from regraft.links.findings import Finding
from regraft.links.memory import MEMORY, known_links, put_links
from regraft.links.merge import merged
from regraft.links.recheck import is_due, requests
from regraft.links.shards import shard_of
from regraft.store.store import Store
from regraft.web.urls import host_and_port_of

FEW = 5
"""Fewer failures than this never make an outage."""
HOSTS = 3
"""A list nothing of which answers is an outage only where it names this many hosts: one may well be gone."""


def shards(table: pd.DataFrame) -> dict[int, pd.DataFrame]:
    """Return the links (url, category) by shard. A URL in two lists has a row in each, in the same shard."""
    number = table["url"].map(shard_of)
    return {int(shard): part.reset_index(drop=True) for shard, part in table.groupby(number)}


def fetch_shard(
    shard: int,
    asked: pd.DataFrame,
    *,
    crew: Crew,
    store: Store,
    settings: FetchSettings,
    near: int,
    since: datetime,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    progress: Progress = lambda links: None,
) -> pd.DataFrame:
    """Return a shard's links as rows of memory.MEMORY, and remember them in the store.

    Links that a run that was cut off had checked are not asked again, nor dead ones whose time has not come, nor what
    the run's budget has nothing left for. Raises OutageError, and remembers nothing, where too large a share of the
    links fails because of this machine.
    """
    with crew.turn:
        memory = known_links(store, shard)
        known = memory.drop_duplicates("url")
        now = clock()
        left_alone = set(known.loc[~_to_ask(known, since, now), "url"])
        urls = [url for url in dict.fromkeys(asked["url"]) if url not in left_alone]
        progress(asked["url"].nunique() - len(urls))
        pending = crew.ask(requests(urls, known), progress)
    findings = pending.findings()
    check_outage(findings, set(known.loc[known["digest"] != "", "url"]), settings.outage_share)
    unreached = {finding.url for finding in findings if finding.outcome == "skipped"}
    left_alone |= unreached & set(known["url"])
    new = asked[~asked["url"].isin(left_alone)]
    rows = merged(new, findings, known, now, near)
    table = _stacked(rows, _skipped(asked, known[known["url"].isin(left_alone)]))
    others = memory[~memory["url"].isin(set(asked["url"]))]
    put_links(store, shard, _stacked(table[~table["url"].isin(unreached - left_alone)], others))
    return table


def check_outage(findings: Sequence[Finding], alive: Collection[str], share: float) -> None:
    """Raise OutageError where so many links failed because of this machine that none of them may be called dead.

    That is where more than `share` of the links fails for this machine's name server, proxy or network; where more
    than `share` of those that were `alive` at their last check give no answer at all; or where no link at all answers,
    on several hosts.
    """
    local = [finding for finding in findings if finding.local]
    asked = [finding for finding in findings if finding.attempts > 0]
    silent = [finding for finding in asked if finding.reason in SILENT and finding.http_status in (0, 502, 504)]
    were_alive = [finding for finding in asked if finding.url in alive]
    lost = [finding for finding in silent if finding.url in alive]
    hosts = {host_and_port_of(finding.url) for finding in silent}
    if len(local) >= FEW and len(local) > share * len(findings):
        raise _outage(local, len(findings), "failed because of this machine, not of theirs")
    if len(lost) >= FEW and len(lost) > share * len(were_alive):
        raise _outage(lost, len(were_alive), "that were alive give no answer any more, all at once")
    if len(silent) == len(asked) >= FEW and len(hosts) >= HOSTS:
        raise _outage(silent, len(asked), f"on {len(hosts)} hosts gave no answer at all")


def _outage(failed: Sequence[Finding], of: int, how: str) -> OutageError:
    return OutageError(
        f"{len(failed)} of {of} links {how} (the first: {failed[0].detail}). This looks like an outage, not rot: "
        "the run stops, no link is marked dead, and the champion stays. Check name server, proxy and network, "
        "then run again."
    )


def _to_ask(known: pd.DataFrame, since: datetime, now: datetime) -> "pd.Series[bool]":
    """Which known links are asked in this run."""
    dead = known[known["dead_since"].notna()]
    told = zip(dead["reason"], dead["checked_at"], dead["dead_since"], strict=True)
    due = [is_due(reason, checked_at, dead_since, now) for reason, checked_at, dead_since in told]
    left_alone = set(dead.index[~np.array(due, dtype=bool)])
    return (known["checked_at"] < since) & ~known.index.isin(left_alone)


def _skipped(asked: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    if known.empty:
        return known
    kept = asked[["url", "category"]].merge(known.drop(columns="category"), on="url")
    return kept.assign(outcome="skipped")[MEMORY.names]


def _stacked(*tables: pd.DataFrame) -> pd.DataFrame:
    full = [table for table in tables if len(table)]
    return pd.concat(full, ignore_index=True) if full else tables[0]
