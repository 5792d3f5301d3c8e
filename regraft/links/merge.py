"""What was known of links, merged with what came of fetching them again."""

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, cast

import pandas as pd
import pyarrow as pa

from regraft.links.findings import Finding, names_in
from regraft.links.memory import CHECKED, MEMORY
from regraft.pictures.perceptual import distance
from regraft.store.tables import is_in
from regraft.verdicts import Verdict

OF_THE_PICTURE = ("digest", "bytes", "width", "height", "phash", "etag", "last_modified", "detail")
"""The columns that a 304 (not modified) says nothing new about."""
OF_THE_FINDING = names_in(CHECKED.names)
"""The columns that a finding has as they are."""
Row = dict[str, Any]
"""What is known of one link, by column of MEMORY."""


def merged(
    links: pd.DataFrame,
    findings: Sequence[Finding],
    known: pd.DataFrame,
    *,
    now: datetime,
    since: datetime,
    near: int,
) -> pd.DataFrame:
    """Return one row of MEMORY for each row of `links` (url, category), which all have a finding.

    What is `known` has the columns MEMORY and a row a URL at most. A 304 keeps what is known of the picture;
    `first_seen` stays, and so does `dead_since` while a link is dead. A picture is the one that the link is known for,
    or that one encoded anew, where at most `near` of the 64 bits of their perceptual hashes differ; another one makes
    the link replaced, as of `now`. A link that was not known is first seen at `since`.
    """
    known = known[is_in(known["url"], links["url"])]
    records = known.to_dict("records") if len(known) else []
    before = {str(row["url"]): cast(Row, row) for row in records}
    finding_of = {finding.url: finding for finding in findings}
    urls = links["url"].tolist()
    columns = _columns([finding_of[url] for url in urls], now, since)
    for place, url in enumerate(urls):
        if url in before:
            row = {name: values[place] for name, values in columns.items()}
            for name, value in _changes(row, before[url], now, near).items():
                columns[name][place] = value
    return pa.Table.from_pydict(columns | {"category": links["category"].tolist()}, schema=MEMORY).to_pandas()


def _columns(findings: Sequence[Finding], now: datetime, since: datetime) -> dict[str, list[Any]]:
    """What is known of links that were not known, by column; the category is missing."""
    columns: dict[str, list[Any]] = {name: list(map(attrgetter(name), findings)) for name in OF_THE_FINDING}
    verdicts = [finding.reason.verdict for finding in findings]
    return columns | {
        "verdict": verdicts,
        "checked_at": [now] * len(findings),
        "first_seen": [since] * len(findings),
        "dead_since": [now if verdict is Verdict.DEAD else None for verdict in verdicts],
        "trusted_digest": columns["digest"].copy(),
        "trusted_phash": columns["phash"].copy(),
        "replaced_at": [None] * len(findings),
        "unchanged_since": [now] * len(findings),
    }


def _changes(row: Row, before: Row, now: datetime, near: int) -> Row:
    """What is otherwise in the row of a link that was known before."""
    changes: Row = {"first_seen": before["first_seen"]}
    if row["outcome"] == "not_modified":
        changes |= {name: before[name] for name in OF_THE_PICTURE}
    if row["verdict"] is Verdict.DEAD:
        changes["dead_since"] = _dead_since(before, now)
    row = row | changes
    changes["unchanged_since"] = _unchanged_since(row, before, now)
    return changes | _trust(row, before, now, near)


def _dead_since(before: Row, now: datetime) -> datetime:
    """Since when a dead link is dead: since an earlier check, if it was dead at the last one already."""
    if before["verdict"] != Verdict.DEAD or pd.isna(before["dead_since"]):
        return now
    return cast(datetime, before["dead_since"])


def _unchanged_since(row: Row, before: Row, now: datetime) -> datetime:
    """Since when checks have come to the same: the same picture, or dead, or junk."""
    if (row["verdict"], row["digest"]) != (before["verdict"], before["digest"]):
        return now
    since = (before["unchanged_since"], before["dead_since"], before["checked_at"])  # the first is new in the memory
    return next(cast(datetime, moment) for moment in since if not pd.isna(moment))


def _trust(row: Row, before: Row, now: datetime, near: int) -> Row:
    """The picture that a link is known for, and since when it shows another one."""
    shown = {"trusted_digest": row["digest"], "trusted_phash": row["phash"], "replaced_at": None}
    if not before["trusted_digest"]:
        return shown
    trusted: Row = {"trusted_digest": before["trusted_digest"], "trusted_phash": before["trusted_phash"]}
    if not row["digest"]:
        return trusted | {"replaced_at": None}
    if row["digest"] == trusted["trusted_digest"] or distance(row["phash"], trusted["trusted_phash"]) <= near:
        return shown
    still = row["digest"] == before["digest"] and not pd.isna(before["replaced_at"])
    return trusted | {"replaced_at": before["replaced_at"] if still else now}
