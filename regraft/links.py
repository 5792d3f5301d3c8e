"""Links and what is known of them: the table's columns, the verdicts, and how a finding meets what was known."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, cast

import pandas as pd
import pyarrow as pa

from regraft.jobs import Finding, Job

Verdict = Literal["alive", "dead", "junk"]

REASONS: dict[str, Verdict] = {
    "gone": "dead", "forbidden": "dead", "server_error": "dead", "rate_limited": "dead", "unreachable": "dead",
    "tls": "dead", "timeout": "dead", "too_many_redirects": "dead", "blocked": "dead", "bad_url": "dead",
    "too_large": "junk", "not_an_image": "junk", "truncated": "junk", "too_many_pixels": "junk", "too_small": "junk",
    "animated": "junk", "placeholder": "junk", "replaced": "junk", "duplicate": "junk", "near_duplicate": "junk",
    "opted_out": "junk", "misfiled": "junk",
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

MEMORY = pa.schema([*SCHEMA, ("trusted_digest", pa.string()), ("trusted_phash", pa.string()), ("replaced_at", _when)])
"""The columns of the memory's shards: of each link also the picture that it is known for, and since when it shows
another one (null where it does not)."""

LASTING = ("not_an_image", "truncated", "animated")
"""Junk that stays junk whatever the settings are: a 304 says that it is the same still."""

RECHECK: dict[str, tuple[float, timedelta]] = {
    "gone": (1.0, timedelta(days=30)), "forbidden": (1.0, timedelta(days=30)),
    "too_many_redirects": (1.0, timedelta(days=30)), "tls": (0.5, timedelta(days=14)),
    "server_error": (0.25, timedelta(days=7)), "rate_limited": (0.25, timedelta(days=7)),
    "unreachable": (0.25, timedelta(days=7)), "timeout": (0.25, timedelta(days=7)),
}  # fmt: skip
"""How long a dead link is left alone: this share of the time that it has been dead, up to a bound."""
NOT_WORTH_WAITING = timedelta(hours=12)
"""A shorter wait than this is none: a nightly run asks whatever died since yesterday."""


def shard_of(url: str) -> int:
    """Return the shard, 0 to SHARDS - 1, that a URL belongs to."""
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).digest()[0] % SHARDS


def verdict_of(reason: str) -> Verdict:
    """Return the verdict that a reason belongs to; no reason is alive."""
    return REASONS[reason] if reason else "alive"


def jobs(urls: Sequence[str], known: pd.DataFrame) -> list[Job]:
    """Return a job for each URL, conditional where `known` has validators for a picture or for lasting junk."""
    columns = ["etag", "last_modified", "digest", "reason"]
    memory = known.set_index("url")[columns].to_dict("index") if len(known) else {}
    told = {url: cast(dict[str, str], row) for url, row in memory.items()}
    for row in told.values():
        row["reason"] = row["reason"] if row["reason"] in LASTING else ""
    return [Job(url, **told[url]) if url in told else Job(url) for url in urls]


def is_due(reason: str, checked_at: datetime, dead_since: datetime | None, now: datetime) -> bool:
    """Tell whether a link is asked for again: always, unless it is dead and was asked not long ago for that.

    The longer a link has been dead, the more rarely it is asked, and `gone` more rarely than `timeout`.
    """
    if dead_since is None or reason not in RECHECK:
        return True
    share, most = RECHECK[reason]
    wait = min((checked_at - dead_since) * share, most)
    return wait < NOT_WORTH_WAITING or now >= checked_at + wait


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
    verdict = verdict_of(found.reason)
    dead_before = old is not None and old["verdict"] == "dead" and not pd.isna(old["dead_since"])
    row |= {
        "category": category,
        "verdict": verdict,
        "checked_at": now,
        "first_seen": old["first_seen"] if old is not None else now,
        "dead_since": None if verdict != "dead" else (old["dead_since"] if old is not None and dead_before else now),
    }
    return row | _trust(row, old, now, near)


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


def distance(phash: str, other: str) -> int:
    """Return how many of 64 bits differ between two perceptual hashes."""
    return (int(phash, 16) ^ int(other, 16)).bit_count()
