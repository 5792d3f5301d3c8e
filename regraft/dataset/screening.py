"""What only all links together can tell: placeholders, duplicates, near-duplicates, pictures in two categories."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from regraft.config import Config
from regraft.dataset.misfiled import among, known_misfiled
from regraft.dataset.placeholders import (
    _shared,
    _shows_picture,
    find_placeholders,
    known_placeholders,
    put_placeholders,
)
from regraft.dataset.splits import split_of
from regraft.links.memory import COLUMNS
from regraft.links.rot import survival
from regraft.pictures.near import clusters
from regraft.store.records import Survival
from regraft.store.store import Store
from regraft.verdicts import Reason, Verdict


@dataclass(frozen=True)
class Screened:
    """What a run's links came to."""

    links: pd.DataFrame
    """Columns links.COLUMNS, with their last verdicts."""
    pictures: pd.DataFrame
    """What there is to learn from, see `screened`."""
    survival: dict[str, Survival]
    """How many of the links that ever showed a picture still do, by category."""

    def without(self, misfiled: pd.DataFrame) -> "Screened":
        """Return it without some pictures (digest, category), whose links are `misfiled`."""
        if misfiled.empty:
            return self
        links = self.links.copy()
        _drop(links, (links["verdict"] == Verdict.ALIVE) & among(links, misfiled), Reason.MISFILED)
        return replace(
            self, links=links, pictures=self.pictures[~among(self.pictures, misfiled)].reset_index(drop=True)
        )


def screen(links: pd.DataFrame, config: Config, store: Store) -> Screened:
    """Return the last verdicts on links, columns links.MEMORY. The store learns new placeholders.

    Pictures that are known to be misfiled go last, so that they are left out of what they were in when they were found.
    """
    now = datetime.now(UTC)
    known = known_placeholders(store)
    new = find_placeholders(links, known, now)
    if len(new):
        known = pd.concat([known, new], ignore_index=True) if len(known) else new
        put_placeholders(store, known)
    days = config.screen.accept_replaced_days
    accepted_before = now - timedelta(days=days) if days is not None else None
    of_split = partial(split_of, config.split, config.seed)
    judged, pictures = screened(links, known, config.screen.near, of_split, accepted_before)
    whole = Screened(judged[COLUMNS], pictures, survival(links, judged))
    misfiled = known_misfiled(store)
    return whole.without(misfiled[~misfiled["accepted"]]) if config.screen.misfiled else whole


def screened(
    links: pd.DataFrame,
    placeholders: pd.DataFrame,
    near: int,
    split_of: Callable[[str, str], str],
    accepted_before: datetime | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the links with their last verdicts, and the pictures to learn from, one row a digest.

    pictures: digest, category, urls, width, height, phash, cluster (the smallest digest of its near-duplicates).
    `split_of(category, digest)` is asked because near-duplicates must not lie on two sides of a split: of a cluster
    that would, the members on the better held-out side stay, and the others are left out. A link that shows another
    picture than the one it is known for is `replaced`, unless it has done so since `accepted_before`.
    """
    links = links.copy()
    signatures = set(placeholders["digest"]) - {""}
    addresses = set(placeholders["final_url"]) - {""}
    known = links["digest"].isin(signatures) | links["final_url"].isin(addresses) | _shows_picture(links, placeholders)
    _drop(links, (links["digest"] != "") & known, Reason.PLACEHOLDER)

    swapped = links["replaced_at"].notna() & ~links["trusted_digest"].isin(signatures)
    if accepted_before is not None:
        swapped &= links["replaced_at"] > accepted_before
    _drop(links, (links["verdict"] == Verdict.ALIVE) & swapped, Reason.REPLACED)

    shared = links.loc[_shared(links), ["digest", "category", "first_seen", "url"]]
    shared = shared[links.loc[shared.index, "verdict"] == "alive"]
    homes = shared.groupby("digest")["category"].transform("nunique") > 1
    ordered = shared[~homes].sort_values(["digest", "first_seen", "url"])
    again = ordered.index[ordered["digest"].duplicated()]
    _drop(links, links.index.isin(shared.index[homes].append(again)), Reason.DUPLICATE)

    pictures = _pictures(links)
    pictures["cluster"] = clusters(pictures["phash"], pictures["digest"], near)
    pictures["split"] = [split_of(c, d) for c, d in zip(pictures["category"], pictures["digest"], strict=True)]
    clash = _clashing(pictures)
    shown = links["digest"].isin(set(pictures.loc[clash, "digest"])) & (links["verdict"] == Verdict.ALIVE)
    _drop(links, shown, Reason.NEAR_DUPLICATE)
    return links, pictures[~clash].drop(columns="split").reset_index(drop=True)


def _drop(links: pd.DataFrame, which: "pd.Series[bool] | NDArray[np.bool_]", reason: Reason) -> None:
    links.loc[which, "verdict"] = str(reason.verdict)
    links.loc[which, "reason"] = str(reason)


def _pictures(links: pd.DataFrame) -> pd.DataFrame:
    """One row for each digest that is alive, with every URL that shows it, the one that is kept first."""
    columns = ["digest", "category", "width", "height", "phash", "url"]
    pictures = links.loc[links["verdict"] == Verdict.ALIVE, columns].sort_values("digest", ignore_index=True)
    others = links.loc[_shared(links) & (links["reason"] == Reason.DUPLICATE), ["digest", "url"]].sort_values("url")
    kept = pictures.loc[pictures["digest"].isin(set(others["digest"])), "digest"]
    row_of = pd.Series(kept.index, index=kept)
    others = others[others["digest"].isin(row_of.index)]
    rows = np.concatenate([np.arange(len(pictures)), row_of.loc[others["digest"]].to_numpy(dtype=np.int64)])
    flat = pa.concat_arrays([pa.array(table["url"], pa.string()) for table in (pictures, others)])
    ends = np.bincount(rows, minlength=len(pictures)).cumsum()
    offsets = pa.array(np.concatenate([[0], ends]), pa.int32())
    urls = pa.ListArray.from_arrays(offsets, flat.take(pa.array(np.argsort(rows, kind="stable"))))
    pictures["url"] = pd.Series(pd.arrays.ArrowExtensionArray(urls))
    order = ["digest", "category", "urls", "width", "height", "phash"]
    return pictures.rename(columns={"url": "urls"})[order]


def _clashing(pictures: pd.DataFrame) -> "pd.Series[bool]":
    """Pictures whose cluster has members in a split that goes before theirs: test, then validation, then train."""
    rank = pictures["split"].map({"test": 0, "validation": 1, "train": 2})
    first = rank.groupby(pictures["cluster"]).transform("min")
    return rank > first
