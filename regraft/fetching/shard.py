"""One shard of links: fetched, judged and remembered; unless the failures show that this machine is down."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from regraft.config import FetchSettings
from regraft.fetching.crew import Crew
from regraft.fetching.outage import check_outage
from regraft.fetching.pending import Progress
from regraft.links.findings import Finding, Request
from regraft.links.memory import MEMORY, known_links, put_links
from regraft.links.merge import merged
from regraft.links.recheck import is_due, requests
from regraft.links.shards import shard_of
from regraft.store.store import Store


def links_by_shard(links: pd.DataFrame) -> dict[int, pd.DataFrame]:
    """Return links (url, category) by shard. A URL in two lists has a row in each, in the same shard."""
    shards = links["url"].map(shard_of)
    return {int(number): rows.reset_index(drop=True) for number, rows in links.groupby(shards)}


def fetch_shard(
    number: int,
    links: pd.DataFrame,
    *,
    crew: Crew,
    store: Store,
    settings: FetchSettings,
    near: int,
    since: datetime,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    progress: Progress = lambda links: None,
) -> pd.DataFrame:
    """Return a shard's links (url, category) as rows of memory.MEMORY, once the store remembers them.

    Not requested are links that were checked `since` then, dead ones whose time has not come, and what the budget has
    nothing left for; what is known of those stays, with the outcome `skipped`. Pictures that differ in at most `near`
    of the 64 bits of their perceptual hashes are the same. Raises OutageError, and remembers nothing, where too large a
    share of the links fails because of this machine.
    """
    check = _ShardCheck(number, links, store, since, clock, progress)
    findings = crew.fetch(check.requests, progress)
    check_outage(findings, check.alive_before(), settings.outage_share)
    return check.remember(findings, near)


class _ShardCheck:
    """One check of a shard's links: what is known of them before, and after."""

    def __init__(
        self,
        number: int,
        links: pd.DataFrame,
        store: Store,
        since: datetime,
        clock: Callable[[], datetime],
        progress: Progress,
    ):
        self._number, self._links, self._store = number, links, store
        self._since, self._clock, self._progress = since, clock, progress

    def requests(self) -> Sequence[Request]:
        """Read what is known of the links, and return a request for each one that is due."""
        self._memory = known_links(self._store, self._number)
        self._known = self._memory.drop_duplicates("url")
        self._now = self._clock()
        self._left_alone = set(self._known.loc[~_are_due(self._known, self._since, self._now), "url"])
        urls = [url for url in dict.fromkeys(self._links["url"]) if url not in self._left_alone]
        self._progress(self._links["url"].nunique() - len(urls))
        return requests(urls, self._known)

    def alive_before(self) -> set[str]:
        """Return the URLs that showed a picture at their last check."""
        return set(self._known.loc[self._known["digest"] != "", "url"])

    def remember(self, findings: Sequence[Finding], near: int) -> pd.DataFrame:
        """Return the links with what came of them, columns MEMORY, once the store remembers that."""
        unreached = {finding.url for finding in findings if finding.outcome == "skipped"}
        left_alone = self._left_alone | (unreached & set(self._known["url"]))
        fetched = self._links[~self._links["url"].isin(left_alone)]
        rows = merged(fetched, findings, self._known, self._now, near)
        table = _stacked(rows, _as_skipped(self._links, self._known[self._known["url"].isin(left_alone)]))
        others = self._memory[~self._memory["url"].isin(set(self._links["url"]))]
        never_fetched = unreached - left_alone
        put_links(self._store, self._number, _stacked(table[~table["url"].isin(never_fetched)], others))
        return table


def _are_due(known: pd.DataFrame, since: datetime, now: datetime) -> "pd.Series[bool]":
    """Which known links are requested in this run."""
    dead = known[known["dead_since"].notna()]
    checks = zip(dead["reason"], dead["checked_at"], dead["dead_since"], strict=True)
    due = np.array([is_due(reason, checked_at, dead_since, now) for reason, checked_at, dead_since in checks], bool)
    return (known["checked_at"] < since) & ~known.index.isin(dead.index[~due])


def _as_skipped(links: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """What is known of links, in the categories that list them now."""
    if known.empty:
        return known
    rows = links[["url", "category"]].merge(known.drop(columns="category"), on="url")
    return rows.assign(outcome="skipped")[MEMORY.names]


def _stacked(*tables: pd.DataFrame) -> pd.DataFrame:
    full = [table for table in tables if len(table)]
    return pd.concat(full, ignore_index=True) if full else tables[0]
