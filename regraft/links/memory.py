"""Links and what is known of them: the table's columns, the verdicts, and how a finding meets what was known."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

import pandas as pd
import pyarrow as pa

from regraft.links.findings import Finding, Job
from regraft.pictures.perceptual import distance
from regraft.store.store import Store
from regraft.verdicts import Reason, Verdict

_when = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema(
    [
        ("url", pa.string()),
        ("category", pa.string()),
        ("verdict", pa.string()),
        ("reason", pa.string()),
        ("http_status", pa.int16()),
        ("final_url", pa.string()),
        ("digest", pa.string()),
        ("bytes", pa.int64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("phash", pa.string()),
        ("etag", pa.string()),
        ("last_modified", pa.string()),
        ("attempts", pa.int16()),
        ("elapsed_s", pa.float32()),
        ("checked_at", _when),
        ("outcome", pa.string()),
        ("first_seen", _when),
        ("dead_since", _when),
    ]
)
"""The columns of links.parquet and of the memory's shards, a contract with other programs.

`reason` and `digest` are "" where there is none; `dead_since` is null for a link that is not dead."""
COLUMNS = SCHEMA.names
LASTING = frozenset(reason for reason in Reason if reason.is_lasting)

MEMORY = pa.schema([*SCHEMA, ("trusted_digest", pa.string()), ("trusted_phash", pa.string()), ("replaced_at", _when)])
"""The columns of the memory's shards: of each link also the picture that it is known for, and since when it shows
another one (null where it does not)."""


def jobs(urls: Sequence[str], known: pd.DataFrame) -> list[Job]:
    """Return a job for each URL, conditional where `known` has validators for a picture or for lasting junk."""
    columns = ["etag", "last_modified", "digest", "reason"]
    memory = known.set_index("url")[columns].to_dict("index") if len(known) else {}
    told = {url: cast(dict[str, Any], row) for url, row in memory.items()}
    for row in told.values():
        row["reason"] = Reason(row["reason"]) if row["reason"] in LASTING else Reason.ALIVE
    return [Job(url, **told[url]) if url in told else Job(url) for url in urls]


def remembered(
    links: pd.DataFrame, findings: Sequence[Finding], known: pd.DataFrame, now: datetime, near: int
) -> pd.DataFrame:
    """Return one row of MEMORY for each row of `links` (url, category), from findings and what was known.

    A 304 keeps what was known of the picture; `first_seen` is kept, and `dead_since` while a link stays dead. A
    picture whose perceptual hash differs in at most `near` bits from the one that the link is known for is the same,
    re-encoded; another one makes the link `replaced_at`.
    """
    before = {str(row["url"]): cast(dict[str, Any], row) for row in known.to_dict("records")}
    found = {finding.url: finding for finding in findings}
    rows = [
        _row(url, category, found[url], before.get(url), now, near)
        for url, category in zip(links["url"], links["category"], strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=MEMORY).to_pandas()


def _row(
    url: str, category: str, found: Finding, old: dict[str, Any] | None, now: datetime, near: int
) -> dict[str, Any]:
    row = {name: getattr(found, name) for name in COLUMNS if hasattr(found, name)}
    if found.outcome == "not_modified" and old is not None:
        kept = ("digest", "bytes", "width", "height", "phash", "etag", "last_modified")
        row |= {name: old[name] for name in kept}
    verdict = found.reason.verdict
    row |= {
        "category": category,
        "verdict": verdict,
        "checked_at": now,
        "first_seen": old["first_seen"] if old is not None else now,
        "dead_since": _dead_since(old, now) if verdict is Verdict.DEAD else None,
    }
    return row | _trust(row, old, now, near)


def _dead_since(old: dict[str, Any] | None, now: datetime) -> datetime:
    """Since when a dead link is dead: since before, if it was dead at its last check already."""
    if old is None or old["verdict"] != Verdict.DEAD or pd.isna(old["dead_since"]):
        return now
    return cast(datetime, old["dead_since"])


def _trust(row: dict[str, Any], old: dict[str, Any] | None, now: datetime, near: int) -> dict[str, Any]:
    """The picture that a link is known for, and since when it shows another one."""
    digest, phash = row["digest"], row["phash"]
    known, known_phash = (old["trusted_digest"], old["trusted_phash"]) if old is not None else ("", "")
    kept = {"trusted_digest": known, "trusted_phash": known_phash}
    if old is None or not known:
        return {"trusted_digest": digest, "trusted_phash": phash, "replaced_at": None}
    if not digest:
        return kept | {"replaced_at": None}
    if digest == known or distance(phash, known_phash) <= near:
        return {"trusted_digest": digest, "trusted_phash": phash, "replaced_at": None}
    since = old["replaced_at"] if digest == old["digest"] and not pd.isna(old["replaced_at"]) else now
    return kept | {"replaced_at": since}


def known_links(store: Store, shard: int) -> pd.DataFrame:
    """Return what is known of a shard's links, columns MEMORY; an unreadable memory is an empty one."""
    return store.tables.read(_path(shard), MEMORY)


def put_links(store: Store, shard: int, table: pd.DataFrame) -> None:
    """Replace what is known of a shard's links, once the blobs that they name are safe."""
    store.tables.write(_path(shard), table, MEMORY)


def _path(shard: int) -> str:
    return f"links/shard-{shard:04d}.parquet"
