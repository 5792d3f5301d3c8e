"""Links and what is known of them: the table's columns, the verdicts, and how a finding meets what was known."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

import pandas as pd
import pyarrow as pa

Verdict = Literal["alive", "dead", "junk"]
Outcome = Literal["fetched", "not_modified", "skipped"]

REASONS: dict[str, Verdict] = {
    "gone": "dead", "forbidden": "dead", "server_error": "dead", "rate_limited": "dead", "unreachable": "dead",
    "tls": "dead", "timeout": "dead", "too_many_redirects": "dead", "blocked": "dead", "bad_url": "dead",
    "too_large": "junk", "not_an_image": "junk", "truncated": "junk", "too_many_pixels": "junk", "too_small": "junk",
    "animated": "junk", "placeholder": "junk", "duplicate": "junk", "near_duplicate": "junk", "opted_out": "junk",
}  # fmt: skip
"""Every reason, and the verdict that it belongs to: dead serves nothing, junk serves nothing to learn from."""

SHARDS = 16
"""Parts of a store's memory. Fixed: a link must be found where it was put."""

_when = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema(
    [
        ("url", pa.string()), ("category", pa.string()), ("verdict", pa.string()), ("reason", pa.string()),
        ("http_status", pa.int16()), ("final_url", pa.string()), ("digest", pa.string()), ("bytes", pa.int64()),
        ("width", pa.int32()), ("height", pa.int32()), ("phash", pa.string()), ("etag", pa.string()),
        ("last_modified", pa.string()), ("attempts", pa.int16()), ("elapsed_s", pa.float32()), ("checked_at", _when),
        ("outcome", pa.string()), ("first_seen", _when), ("dead_since", _when),
    ]
)  # fmt: skip
"""The columns of links.parquet and of the memory's shards, a contract with other programs.

`reason` and `digest` are "" where there is none; `dead_since` is null for a link that is not dead."""
COLUMNS = SCHEMA.names


@dataclass(frozen=True, slots=True)
class Job:
    """One link to ask for, with what is known of it."""

    url: str
    etag: str = ""
    last_modified: str = ""
    digest: str = ""
    """Digest of the blob that the validators belong to."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What asking for one link came to."""

    url: str
    reason: str = ""
    """Empty for a picture."""
    http_status: int = 0
    final_url: str = ""
    digest: str = ""
    bytes: int = 0
    width: int = 0
    height: int = 0
    phash: str = ""
    etag: str = ""
    last_modified: str = ""
    attempts: int = 0
    elapsed_s: float = 0.0
    outcome: Outcome = "fetched"
    local: bool = False
    """The failure points at this machine, not at the link."""
    detail: str = ""


def shard_of(url: str) -> int:
    """Return the shard, 0 to SHARDS - 1, that a URL belongs to."""
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).digest()[0] % SHARDS


def verdict_of(reason: str) -> Verdict:
    """Return the verdict that a reason belongs to; no reason is alive."""
    return REASONS[reason] if reason else "alive"


def jobs(urls: Sequence[str], known: pd.DataFrame) -> list[Job]:
    """Return a job for each URL, conditional where `known` has validators and a digest."""
    memory = known.set_index("url")[["etag", "last_modified", "digest"]].to_dict("index") if len(known) else {}
    return [Job(url, **cast(dict[str, str], memory[url])) if url in memory else Job(url) for url in urls]


def remembered(links: pd.DataFrame, findings: Sequence[Finding], known: pd.DataFrame, now: datetime) -> pd.DataFrame:
    """Return one row of SCHEMA for each row of `links` (url, category), from findings and what was known.

    A 304 keeps what was known of the picture; `first_seen` is kept, and `dead_since` while a link stays dead.
    """
    before = {str(row["url"]): cast(dict[str, Any], row) for row in known.to_dict("records")}
    found = {finding.url: finding for finding in findings}
    rows = [
        _row(url, category, found[url], before.get(url), now)
        for url, category in zip(links["url"], links["category"], strict=True)
    ]
    return table(rows)


def table(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Return rows as a table with the types of SCHEMA."""
    return pa.Table.from_pylist(list(rows), schema=SCHEMA).to_pandas()


def _row(url: str, category: str, found: Finding, old: dict[str, Any] | None, now: datetime) -> dict[str, Any]:
    row = {name: getattr(found, name) for name in COLUMNS if hasattr(found, name)}
    if found.outcome == "not_modified" and old is not None:
        kept = ("digest", "bytes", "width", "height", "phash", "etag", "last_modified")
        row |= {name: old[name] for name in kept}
    verdict = verdict_of(found.reason)
    dead_before = old is not None and old["verdict"] == "dead" and not pd.isna(old["dead_since"])
    return row | {
        "category": category,
        "verdict": verdict,
        "checked_at": now,
        "first_seen": old["first_seen"] if old is not None else now,
        "dead_since": None if verdict != "dead" else (old["dead_since"] if old is not None and dead_before else now),
    }
