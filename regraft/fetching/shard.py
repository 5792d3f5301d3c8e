"""One shard of links: fetched, judged and remembered; unless the failures show that this machine is down."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from regraft.config import FetchSettings
from regraft.errors import StoreError
from regraft.fetching.crew import Crew
from regraft.fetching.outage import Failures, check_this_machine, is_silent
from regraft.fetching.pending import Progress
from regraft.links.findings import Finding, Request
from regraft.links.memory import MEMORY, put_links, remembered_links
from regraft.links.merge import merged
from regraft.links.recheck import is_due, requests
from regraft.links.rehash import with_current_hashes
from regraft.links.shards import place_of
from regraft.store.layout import Layout
from regraft.store.store import Store


@dataclass(frozen=True)
class Checked:
    """A shard's links after their check."""

    links: pd.DataFrame
    """All of them, columns memory.MEMORY."""
    silent: pd.DataFrame
    """Those that gave no answer at all. The store does not remember that until it is clear that this machine was not
    down, see `remember_silent`."""
    failures: Failures
    """What tells an outage from rot, together with the other shards'."""


def links_by_lane(links: pd.DataFrame, layout: Layout) -> dict[int, dict[int, pd.DataFrame]]:
    """Return links (url, category) by lane and shard. A URL in two lists has a row in each, in the same shard."""
    places = pd.DataFrame([place_of(url, layout) for url in links["url"]], columns=["lane", "shard"])
    lanes: dict[int, dict[int, pd.DataFrame]] = {}
    for lane, of_lane in places.groupby("lane"):
        lanes[int(str(lane))] = {
            int(str(shard)): links.iloc[rows.index].reset_index(drop=True) for shard, rows in of_lane.groupby("shard")
        }
    return lanes


def fetch_shard(
    path: str,
    links: pd.DataFrame,
    *,
    crew: Crew,
    store: Store,
    settings: FetchSettings,
    near: int,
    now: datetime,
    since: datetime,
    progress: Progress = lambda links: None,
) -> Checked:
    """Return what came of a shard's links (url, category), once the store remembers it, except for silent ones.

    `path` is where the store remembers them. Not requested are links that were checked `since` then, dead ones whose
    time has not come `now`, and what the budget has nothing left for; what is known of those stays, with the outcome
    `skipped`. All checks have the time `now`. Pictures that differ in at most `near` of the 64 bits of their perceptual
    hashes are the same. Raises OutageError, and remembers nothing, where too large a share of the links fails for this
    machine's own part in it. Raises StoreError where pictures cannot be kept; the other links are remembered.
    """
    check = _ShardCheck(path, links, store, now, since, near, progress)
    findings = crew.fetch(check.requests, progress, check.keep)
    unkept = [finding for finding in findings if _is_unkept(finding)]
    failures = Failures.of([finding for finding in findings if not _is_unkept(finding)], check.alive_before())
    check_this_machine(failures, settings.outage_share)
    checked = check.remember(findings, failures)
    if unkept:
        raise StoreError(
            f"{unkept[0].detail} {len(unkept)} pictures were not kept; their links stay as they were. Make room, or "
            "choose another store; the next run goes on from there."
        )
    return checked


def remember_silent(path: str, silent: pd.DataFrame, store: Store) -> None:
    """Have the store remember links (columns MEMORY) that gave no answer at all: it was not this machine's fault."""
    known = remembered_links(store, path)
    put_links(store, path, _stacked(silent, known[~known["url"].isin(set(silent["url"]))]))


def _is_unkept(finding: Finding) -> bool:
    """Whether the store could not keep a link's picture."""
    return finding.outcome == "skipped" and finding.local


class _ShardCheck:
    """One check of a shard's links: what is known of them before, and after."""

    def __init__(
        self,
        path: str,
        links: pd.DataFrame,
        store: Store,
        now: datetime,
        since: datetime,
        near: int,
        progress: Progress,
    ):
        self._path, self._links, self._store = path, links, store
        self._now, self._since, self._near, self._progress = now, since, near, progress

    def requests(self) -> Sequence[Request]:
        """Read what is known of the links, and return a request for each one that is due."""
        self._memory = with_current_hashes(remembered_links(self._store, self._path), self._store.blobs)
        self._kept = self._memory
        self._known = self._memory.drop_duplicates("url")
        self._left_alone = set(self._known.loc[~_are_due(self._known, self._since, self._now), "url"])
        urls = [url for url in dict.fromkeys(self._links["url"]) if url not in self._left_alone]
        self._progress(self._links["url"].nunique() - len(urls))
        digests = self._known.loc[self._known["url"].isin(set(urls)) & (self._known["digest"] != ""), "digest"]
        return requests(urls, self._known, self._store.blobs.among(digests))

    def alive_before(self) -> set[str]:
        """Return the URLs that showed a picture at their last check."""
        return set(self._known.loc[self._known["digest"] != "", "url"])

    def keep(self, findings: Sequence[Finding]) -> None:
        """Have the store remember some findings before all are in; none that may be this machine's own fault."""
        certain = [f for f in findings if f.outcome != "skipped" and not f.local and not is_silent(f)]
        links = self._links[self._links["url"].isin({finding.url for finding in certain})]
        if links.empty:
            return
        rows = self._merged(links, certain)
        self._kept = _stacked(rows, self._kept[~self._kept["url"].isin(set(rows["url"]))])
        put_links(self._store, self._path, self._kept)

    def _merged(self, links: pd.DataFrame, findings: Sequence[Finding]) -> pd.DataFrame:
        return merged(links, findings, self._known, now=self._now, since=self._since, near=self._near)

    def remember(self, findings: Sequence[Finding], failures: Failures) -> Checked:
        """Return the links with what came of them, once the store remembers that of all but the silent ones."""
        unreached = {finding.url for finding in findings if finding.outcome == "skipped"}
        left_alone = self._left_alone | (unreached & set(self._known["url"]))
        fetched = self._links[~self._links["url"].isin(left_alone)]
        rows = self._merged(fetched, findings)
        table = _stacked(rows, _as_skipped(self._links, self._known[self._known["url"].isin(left_alone)]))
        silent = {finding.url for finding in findings if finding.outcome != "skipped" and is_silent(finding)}
        never_fetched = unreached - left_alone
        is_certain = ~table["url"].isin(silent | never_fetched)
        stays = self._memory["url"].isin(silent) | ~self._memory["url"].isin(set(self._links["url"]))
        if is_certain.any():
            put_links(self._store, self._path, _stacked(table[is_certain], self._memory[stays]))
        return Checked(table, table[table["url"].isin(silent)], failures)


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
