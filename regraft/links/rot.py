"""How the links of the lists rot from version to version: what died, came back or changed, and how much survives."""

from collections.abc import Mapping

import pandas as pd

from regraft.store.run_record import Survival
from regraft.verdicts import Reason, Verdict
from regraft.web.urls import host_of

SHOWS_PHOTO = (Reason.ALIVE, Reason.DUPLICATE, Reason.NEAR_DUPLICATE, Reason.MISFILED, Reason.REJECTED)
"""The reasons of links that still show a photo, be it learnt from or not."""
ARCHIVED = "archived"
"""The outcome of links that are dead and whose picture is a web archive's."""
EVENTS = ("newly_dead", "revived", "replaced", "re_encoded", "now_placeholder")
"""What can happen to a link between two versions, see `changes`."""


def shows_photo(links: pd.DataFrame) -> "pd.Series[bool]":
    """Return which links (reason, outcome) show a photo themselves, be it learnt from or not."""
    return links["reason"].isin(SHOWS_PHOTO) & ~is_archived(links)


def is_archived(links: pd.DataFrame) -> "pd.Series[bool]":
    """Return which links (outcome) are dead themselves, and show what a web archive has kept.

    In the tables of a Regraft that did not know the outcome that is none.
    """
    return links["outcome"] == ARCHIVED if "outcome" in links else pd.Series(False, links.index)


def is_from_archive(links: pd.DataFrame) -> "pd.Series[bool]":
    """Return which links (verdict, outcome) are alive by a web archive alone."""
    return is_archived(links) & (links["verdict"] == Verdict.ALIVE)


def changes(links: pd.DataFrame, before: pd.DataFrame | None) -> dict[str, pd.DataFrame]:
    """Return by event what changed since another version's links: url, category, reason, digest, digest_before.

    Both tables have the columns memory.COLUMNS. The events:
    newly_dead: showed a photo, and is dead · revived: was dead, and shows one · replaced: shows another picture than
    the one it is known for · re_encoded: shows the same picture in other bytes · now_placeholder: showed a photo, and
    shows a placeholder. Without another version there are none.
    """
    columns = ["url", "category", "reason", "digest", "digest_before"]
    if before is None:
        return {event: links.head(0).assign(digest_before="")[columns] for event in EVENTS}
    now, then = (
        table[["url", "category", "reason", "digest"]].assign(
            shows=shows_photo(table), is_dead=(table["verdict"] == Verdict.DEAD) | is_archived(table)
        )
        for table in (links, before)
    )
    both = now.merge(then, on=["url", "category"], suffixes=("", "_before"))
    showed, shows = both["shows_before"], both["shows"]
    events = {
        "newly_dead": showed & both["is_dead"],
        "revived": both["is_dead_before"] & shows,
        "replaced": (both["reason"] == Reason.REPLACED) & (both["reason_before"] != Reason.REPLACED),
        "re_encoded": showed & shows & (both["digest"] != both["digest_before"]),
        "now_placeholder": showed & ~both["is_dead"] & (both["reason"] == Reason.PLACEHOLDER),
    }
    return {event: both[columns][is_so].reset_index(drop=True) for event, is_so in events.items()}


def rot_table(links: pd.DataFrame, events: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return a row for each category, host, verdict and reason: the number of links, and of those with each event.

    `events` is what `changes` returned for these links.
    """
    keys = ["category", "host", "verdict", "reason"]
    by_host = links.assign(host=links["url"].map(host_of))
    table = by_host.groupby(keys).size().rename("links").reset_index()
    verdicts = {reason.value: reason.verdict.value for reason in Reason}
    for event, rows in events.items():
        changed = rows.assign(host=rows["url"].map(host_of), verdict=rows["reason"].map(verdicts))
        counts = changed.groupby(keys).size().rename(event)
        table = table.merge(counts.reset_index(), on=keys, how="left")
        table[event] = table[event].fillna(0).astype("int64")
    return table.sort_values("links", ascending=False, ignore_index=True)


def survival(links: pd.DataFrame, judged: pd.DataFrame) -> dict[str, Survival]:
    """Return by category how many links ever showed a photo, how many still do, and their share, to 4 decimals.

    `links` has the columns memory.MEMORY; `judged` has the same rows with their last verdicts.
    """
    ever, still = links["trusted_digest"] != "", shows_photo(judged)
    still &= (judged["reason"] != Reason.REJECTED) | links["replaced_at"].isna()  # what replaced it was rejected
    counts = pd.DataFrame({"ever": ever, "alive": ever & still}).groupby(links["category"]).sum()
    survivals = {}
    for category, ever_alive, alive in counts.itertuples():
        share = round(alive / ever_alive, 4) if ever_alive else None
        survivals[str(category)] = Survival(ever_alive=int(ever_alive), alive=int(alive), share=share)
    return survivals


def in_two_categories(links: pd.DataFrame) -> pd.DataFrame:
    """Return the links (digest, category, url) whose picture is in the lists of more than one category."""
    shown = links[["digest", "category", "url", "reason"]][links["digest"] != ""]
    categories = shown[shown["reason"] == Reason.DUPLICATE].groupby("digest")["category"].nunique()
    rows = shown[shown["digest"].isin(categories.index[categories > 1])]
    return rows[["digest", "category", "url"]].sort_values(["digest", "category", "url"], ignore_index=True)
