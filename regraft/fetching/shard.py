"""One shard of links: fetched, judged and remembered; unless the failures show that this machine is down."""

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import pandas as pd

from regraft.config import FetchSettings, ScreenSettings
from regraft.errors import StoreError
from regraft.fetching.budget import Budget
from regraft.fetching.crew import Crew
from regraft.fetching.outage import SILENT, Failures, check_this_machine, is_silent
from regraft.fetching.pending import Progress
from regraft.fetching.troubles import Troubles
from regraft.identity import Digest
from regraft.links.findings import Finding, Request
from regraft.links.guests import guests_by_lane, trails_of
from regraft.links.memory import MEMORY, put_links, remembered_links
from regraft.links.merge import merged
from regraft.links.recheck import are_due, requests
from regraft.links.rehash import with_current_hashes
from regraft.links.shards import place_of
from regraft.store.layout import Layout
from regraft.store.store import Store
from regraft.store.tables import is_in, stacked

OnPicture = Callable[[Digest], None]
"""Is called with each picture that no link of the shard showed before, as soon as the store holds it."""
ShowsPlaceholder = Callable[[pd.DataFrame], "pd.Series[bool]"]
"""Tells which links, columns MEMORY, show a placeholder that is known."""


@dataclass(frozen=True)
class ShardLinks:
    """Links that are checked together, and remembered in one table."""

    path: str
    """Where the store remembers them."""
    links: pd.DataFrame
    """url, category; of guests of another lane also the fields of a `Trail`."""
    guests_path: str = ""
    """Of guests: where the store remembers what comes of them, see `links.guests`."""
    troubles: Troubles = field(default_factory=Troubles)
    """What is known of their hosts, from the other shards of their lane."""

    @property
    def kept_at(self) -> str:
        """Where the store remembers what comes of them."""
        return self.guests_path or self.path


@dataclass(frozen=True, kw_only=True)
class CheckRules:
    """Which links are requested, and when pictures are the same: in at most `screen.near` bits their hashes differ."""

    fetch: FetchSettings
    screen: ScreenSettings
    now: datetime
    """The time of all checks."""
    since: datetime
    """What was checked since then is not requested again."""
    shows_placeholder: ShowsPlaceholder = lambda links: pd.Series(False, links.index)

    def are_of_this_run(self, known: pd.DataFrame) -> "pd.Series[bool]":
        """Return which links this run has checked, or the one that was cut off; none that a wrong clock checked."""
        return known["checked_at"].between(self.since, self.now)

    def are_left_alone(self, known: pd.DataFrame) -> "pd.Series[bool]":
        """Return which links, columns MEMORY, are not requested."""
        are_due_now = are_due(known, self.shows_placeholder(known), self.fetch, self.screen, self.now)
        return self.are_of_this_run(known) | ~are_due_now


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
    onward: Mapping[int, pd.DataFrame]
    """By lane, links (url, category, and the fields of a `Trail`) that redirect to its hosts, and are no part of the
    others: that lane goes on with them."""


def links_by_lane(links: pd.DataFrame, layout: Layout) -> dict[int, dict[int, pd.DataFrame]]:
    """Return links (url, category) by lane and shard. A URL in two lists has a row in each, in the same shard."""
    places = pd.DataFrame([place_of(url, layout) for url in links["url"].tolist()], columns=["lane", "shard"])
    lanes: dict[int, dict[int, pd.DataFrame]] = {}
    for lane, of_lane in places.groupby("lane"):
        lanes[int(str(lane))] = {
            int(str(shard)): links.iloc[rows.index].reset_index(drop=True) for shard, rows in of_lane.groupby("shard")
        }
    return lanes


def fetch_shard(
    shard: ShardLinks,
    rules: CheckRules,
    crew: Crew,
    store: Store,
    *,
    budget: Budget | None = None,
    progress: Progress = lambda links: None,
    on_new_picture: OnPicture = lambda digest: None,
) -> Checked:
    """Return what came of a shard's links, once the store remembers it, except for silent ones.

    What is known of links that the rules leave alone, and of those that the budget has nothing left for, stays, with
    the outcome `checked_before` or `skipped`. Raises OutageError, and remembers nothing, where too large a share of the
    links fails for this machine's own part in it. Raises StoreError where pictures cannot be kept; the other links are
    remembered.
    """
    check = _ShardCheck(shard, rules, store)
    known_pictures = check.pictures_before()

    def on_finding(finding: Finding) -> None:
        progress(1)
        shard.troubles.note(finding)
        if finding.digest and finding.digest not in known_pictures:
            on_new_picture(finding.digest)

    progress(check.left_alone())
    findings = crew.fetch(check.requests, on_finding, check.keep, budget)
    unkept = [finding for finding in findings if _is_unkept(finding)]
    failures = Failures.of([finding for finding in findings if not _is_unkept(finding)], check.alive_before())
    answered = check.answered_before()
    failures = failures.and_answers(len(answered), int((answered["digest"] != "").sum()))
    check_this_machine(failures, rules.fetch.outage_share)
    checked = check.remember(findings, failures)
    if unkept:
        raise StoreError(
            f"{unkept[0].detail} {len(unkept)} pictures were not kept on {socket.gethostname()}; their links stay as "
            "they were, and the next run goes on from there."
        )
    return checked


def remember_silent(path: str, silent: pd.DataFrame, store: Store) -> None:
    """Have the store remember links (columns MEMORY) that gave no answer at all: it was not this machine's fault."""
    known = remembered_links(store, path)
    put_links(store, path, stacked(silent, known[~is_in(known["url"], silent["url"])]))


def _is_unkept(finding: Finding) -> bool:
    """Whether the store could not keep a link's picture."""
    return finding.outcome == "skipped" and finding.local


class _ShardCheck:
    """One check of a shard's links: what is known of them before, and after."""

    def __init__(self, shard: ShardLinks, rules: CheckRules, store: Store):
        self._shard, self._links, self._rules, self._store = shard, shard.links, rules, store
        self._memory = with_current_hashes(remembered_links(store, shard.kept_at), store.blobs)
        known = self._memory
        if shard.kept_at != shard.path:
            known = stacked(known, with_current_hashes(remembered_links(store, shard.path), store.blobs))
        self._kept = self._memory
        self._known = known.drop_duplicates("url")
        self._left_alone = set(self._known["url"][rules.are_left_alone(self._known)])

    def left_alone(self) -> int:
        """Return how many of the shard's URLs are not requested."""
        return len(self._left_alone.intersection(self._links["url"]))

    def requests(self) -> Sequence[Request]:
        """Return a request for each link that is not left alone; of guests with what is known of their hosts."""
        urls = [url for url in dict.fromkeys(self._links["url"].tolist()) if url not in self._left_alone]
        digests = self._known["digest"][is_in(self._known["url"], urls) & (self._known["digest"] != "")]
        trails, troubles = trails_of(self._links), self._shard.troubles.now()
        return [
            replace(request, trail=trails[request.url], troubles=troubles) if request.url in trails else request
            for request in requests(urls, self._known, self._store.blobs.among(digests))
        ]

    def alive_before(self) -> set[str]:
        """Return the URLs that showed a picture at their last check."""
        return set(self._known["url"][self._known["digest"] != ""])

    def pictures_before(self) -> set[str]:
        """Return the digests of the pictures that links showed at their last check."""
        return set(self._known["digest"])

    def answered_before(self) -> pd.DataFrame:
        """Return what is known of links that answered the run that was cut off and that this one goes on with."""
        known = self._known
        is_of_this_run = self._rules.are_of_this_run(known) & is_in(known["url"], self._links["url"])
        return known[is_of_this_run & (known["attempts"] > 0) & ~known["reason"].isin(SILENT)]

    def keep(self, findings: Sequence[Finding]) -> None:
        """Have the store remember some findings before all are in; none that may be this machine's own fault."""
        certain = [f for f in findings if f.outcome != "skipped" and not f.local and not is_silent(f)]
        links = self._links[is_in(self._links["url"], [finding.url for finding in certain])]
        if links.empty:
            return
        rows = self._merged(links, certain)
        self._kept = stacked(rows, self._kept[~is_in(self._kept["url"], rows["url"])])
        put_links(self._store, self._shard.kept_at, self._kept)

    def _merged(self, links: pd.DataFrame, findings: Sequence[Finding]) -> pd.DataFrame:
        now, since, near = self._rules.now, self._rules.since, self._rules.screen.near
        return merged(links, findings, self._known, now=now, since=since, near=near)

    def _unrequested(self, urls: set[str]) -> pd.DataFrame:
        """What is known of links that were not requested, in the categories that list them now."""
        known = self._known[is_in(self._known["url"], urls)]
        if known.empty:
            return known
        rows = self._links[["url", "category"]].merge(known.drop(columns="category"), on="url")
        rows["outcome"] = self._rules.are_of_this_run(rows).map({True: "checked_before", False: "skipped"})
        return rows[MEMORY.names]

    def remember(self, findings: Sequence[Finding], failures: Failures) -> Checked:
        """Return the links with what came of them, once the store remembers that of all but the silent ones."""
        onward = (finding.onward for finding in findings if finding.onward)
        trails = {request.url: request.trail for request in onward if request.trail}
        unreached = {finding.url for finding in findings if finding.outcome == "skipped"} - set(trails)
        left_alone = self._left_alone | (unreached & set(self._known["url"]))
        fetched = self._links[~is_in(self._links["url"], left_alone | set(trails))]
        rows = self._merged(fetched, findings)
        table = stacked(rows, self._unrequested(left_alone))
        silent = {finding.url for finding in findings if finding.outcome != "skipped" and is_silent(finding)}
        never_fetched = unreached - left_alone
        is_certain = ~is_in(table["url"], silent | never_fetched)
        stays = is_in(self._memory["url"], silent | set(trails)) | ~is_in(self._memory["url"], self._links["url"])
        if is_certain.any():
            put_links(self._store, self._shard.kept_at, stacked(table[is_certain], self._memory[stays]))
        return Checked(table, table[is_in(table["url"], silent)], failures, guests_by_lane(self._links, trails))
