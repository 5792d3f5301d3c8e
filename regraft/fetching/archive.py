"""Dead links, asked of a web archive: a few in each run, one at a time, and no further once it asks for rest."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import partial

import pandas as pd
import pyarrow as pa

from regraft.config import ArchiveSettings, FetchSettings
from regraft.errors import VersionError
from regraft.fetching.budget import Budget
from regraft.fetching.crew import Crew
from regraft.identity import Url
from regraft.links.findings import Finding, Request, names_in
from regraft.links.mementos import MEMENTOS, are_brought_back, known_mementos, put_mementos
from regraft.store import versions
from regraft.store.store import Store
from regraft.store.tables import is_in, stacked
from regraft.verdicts import Reason
from regraft.web.memento import accepted_datetime

AGAIN = timedelta(days=30)
"""After so long an archive is asked again for a link of which it had nothing."""
AGAIN_AFTER_TROUBLE = timedelta(hours=20)
"""The same where it gave no proper answer: the next night."""
TROUBLE = (Reason.SERVER_ERROR, Reason.RATE_LIMITED, Reason.UNREACHABLE, Reason.TIMEOUT, Reason.TLS)
"""Answers that say nothing of whether the archive has a link."""
BATCH_SIZE = 16
"""Links after which what was learnt is kept."""


def archive_fetch(fetch: FetchSettings, archive: ArchiveSettings) -> FetchSettings:
    """Return how an archive is fetched from: by one process, one request at a time, at its own pace."""
    own = {"processes": 1, "connections": 1, "per_host": 1, "pace_s": archive.pace_s, "spread": ()}
    return fetch.model_copy(update=own)


def ask_archive(
    links: pd.DataFrame,
    archive: ArchiveSettings,
    crew: Crew,
    store: Store,
    now: datetime,
    budget: Budget | None = None,
) -> int:
    """Have the store know what an archive has kept of dead links; return of how many it has a picture that is new.

    `links` has the columns memory.MEMORY; `archive.per_run` of them are asked for at most, those first that never were.
    Links that have opted out are noted and never asked for, dead or not. What cannot be asked for today waits for the
    next run.
    """
    known = _with_opt_outs(known_mementos(store), links, store)
    urls = _due(links, known, store, now)[: archive.per_run]
    near = accepted_datetime(archive.near)
    pictures = 0
    put_mementos(store, known)
    for start in range(0, len(urls), BATCH_SIZE):
        batch = [Request(url, timegate=archive.timegate, near=near) for url in urls[start : start + BATCH_SIZE]]
        findings = crew.fetch(partial(list, batch), budget=budget)
        answered = [finding for finding in findings if finding.outcome != "skipped" and not finding.local]
        rows = _rows(answered, now)
        known = stacked(rows, known[~is_in(known["url"], rows["url"])])
        put_mementos(store, known)
        pictures += int((rows["digest"] != "").sum())
        if len(answered) < len(batch) or any(finding.reason is Reason.RATE_LIMITED for finding in findings):
            break
    return pictures


def _with_opt_outs(known: pd.DataFrame, links: pd.DataFrame, store: Store) -> pd.DataFrame:
    """What is known of mementos, with the links that opt out now, and at first those that did in any version."""
    opted_out = set(links["url"][links["reason"] == Reason.OPTED_OUT])
    if known.empty:
        opted_out |= _opted_out_before(store)
    new = opted_out - set(known["url"][known["reason"] == Reason.OPTED_OUT])
    rows = _rows([Finding(url=Url(url), reason=Reason.OPTED_OUT) for url in sorted(new)], None)
    return stacked(rows, known[~is_in(known["url"], rows["url"])])


def _opted_out_before(store: Store) -> set[str]:
    """The links that had opted out in any version; a damaged one says nothing."""
    urls: set[str] = set()
    for version in versions.published(store):
        try:
            links = version.table("links.parquet", ["url", "reason"])
        except VersionError:
            continue
        urls |= set(links["url"][links["reason"] == Reason.OPTED_OUT])
    return urls


def _due(links: pd.DataFrame, known: pd.DataFrame, store: Store, now: datetime) -> Sequence[Url]:
    """The URLs to ask for, those first that were asked for longest ago or never."""
    dead = links["url"][are_brought_back(links)].drop_duplicates()
    candidates = pd.DataFrame({"url": dead}).merge(known, on="url", how="left")
    digest = candidates["digest"].fillna("")
    is_kept = is_in(digest, store.blobs.among(digest[digest != ""]))
    has_rested = ~candidates["asked_at"].between(now - AGAIN, now, inclusive="right")  # or a clock was ahead
    has_rested |= candidates["reason"].isin(TROUBLE) & (candidates["asked_at"] <= now - AGAIN_AFTER_TROUBLE)
    is_lost = (digest != "") & ~is_kept
    is_due = (
        (candidates["asked_at"].isna() | has_rested | is_lost) & ~is_kept & (candidates["reason"] != Reason.OPTED_OUT)
    )
    return [Url(url) for url in candidates[is_due].sort_values("asked_at", na_position="first", kind="stable")["url"]]


def _rows(findings: Collection[Finding], now: datetime | None) -> pd.DataFrame:
    """Findings as rows of MEMENTOS; of those without a picture only the reason counts."""
    names = names_in(MEMENTOS.names)
    rows = [
        {name: getattr(finding, name) for name in names} | {"asked_at": now, "memento": finding.final_url}
        for finding in findings
    ]
    return pa.Table.from_pylist(rows, schema=MEMENTOS).to_pandas()
