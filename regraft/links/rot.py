"""How the links of the lists rot from version to version: what died, came back or changed, and how much survives."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from regraft.verdicts import Reason, Verdict
from regraft.web.urls import host_of

KEPT = (Reason.ALIVE, Reason.DUPLICATE, Reason.NEAR_DUPLICATE, Reason.MISFILED)
"""Reasons of links that show a photo still, be it learnt from or not."""
EVENTS = ("newly_dead", "revived", "replaced", "re_encoded", "now_placeholder")


def changes(links: pd.DataFrame, before: pd.DataFrame | None) -> dict[str, pd.DataFrame]:
    """Return what changed since another version's links, rows (url, category, reason, digest, digest_before) by event.

    newly_dead: showed a picture, is dead · revived: was dead, shows one · replaced: shows another picture than it is
    known for · re_encoded: the same picture in other bytes · now_placeholder: showed a picture, shows a placeholder.
    """
    columns = ["url", "category", "reason", "digest", "digest_before"]
    if before is None:
        return {event: links.loc[[]].assign(digest_before="")[columns] for event in EVENTS}
    known = before[["url", "category", "verdict", "reason", "digest"]]
    both = links.merge(known, on=["url", "category"], suffixes=("", "_before"))
    showed, shows = both["reason_before"].isin(KEPT), both["reason"].isin(KEPT)
    events = {
        "newly_dead": showed & (both["verdict"] == Verdict.DEAD),
        "revived": (both["verdict_before"] == Verdict.DEAD) & shows,
        "replaced": (both["reason"] == Reason.REPLACED) & (both["reason_before"] != Reason.REPLACED),
        "re_encoded": showed & shows & (both["digest"] != both["digest_before"]),
        "now_placeholder": showed & (both["reason"] == Reason.PLACEHOLDER),
    }
    return {event: both.loc[which, columns].reset_index(drop=True) for event, which in events.items()}


def rot(links: pd.DataFrame, changed: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the link-rot table, a row for each category, host, verdict and reason: links, and a column an event.

    `changed`: what `changes` told of these links.
    """
    by = ["category", "host", "verdict", "reason"]
    table = links.assign(host=links["url"].map(host_of))
    counted = table.groupby(by).size().rename("links").reset_index()
    for event, rows in changed.items():
        marked = table.merge(rows[["url", "category"]], on=["url", "category"])
        counted = counted.merge(marked.groupby(by).size().rename(event).reset_index(), on=by, how="left")
        counted[event] = counted[event].fillna(0).astype("int64")
    return counted.sort_values("links", ascending=False, ignore_index=True)


def survival(links: pd.DataFrame, judged: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return by category how many links ever showed a picture, how many still do, and the share.

    `links` has the columns links.MEMORY and tells what was; `judged`, row by row, the last verdicts.
    """
    once, now = links["trusted_digest"] != "", judged["reason"].isin(KEPT)
    told = {}
    for category in sorted(links["category"].unique()):
        of = links["category"] == category
        ever, still = int((once & of).sum()), int((once & now & of).sum())
        told[str(category)] = {"ever_alive": ever, "alive": still, "share": round(still / ever, 4) if ever else None}
    return told


def in_two_categories(links: pd.DataFrame) -> pd.DataFrame:
    """Return the links (digest, category, url) whose picture is in more than one category's list."""
    shown = links.loc[links["digest"] != "", ["digest", "category", "url", "reason"]]
    homes = shown[shown["reason"] == Reason.DUPLICATE].groupby("digest")["category"].nunique()
    rows = shown[shown["digest"].isin(homes.index[homes > 1])]
    return rows[["digest", "category", "url"]].sort_values(["digest", "category", "url"], ignore_index=True)
