"""What only all links together can tell: placeholders, duplicates, near-duplicates, pictures in two categories."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from regraft.config import Config
from regraft.labels import split_of
from regraft.links import COLUMNS, distance
from regraft.rot import survival
from regraft.store import Store

MANY = 4
"""The same picture behind this many links is a placeholder; a picture honestly linked twice or thrice is not."""
MANY_PHOTOS = 8
"""The same, of what looks like a photograph: those are copied around more often than pictures of words."""
PHOTO_BITS = 0.5
"""Bits a pixel that a photograph takes at least: of 840 from old links 3 take less; words on a ground take a fifth."""
MANY_REDIRECTED = 3
"""Links that redirect to one and the same address show a placeholder."""
IDENTICAL = 2
"""Bits of 64 in which the perceptual hashes of one placeholder's variants differ at most; their size is the same."""


@dataclass(frozen=True)
class Screened:
    """What a run's links came to."""

    links: pd.DataFrame
    """Columns links.COLUMNS, with their last verdicts."""
    pictures: pd.DataFrame
    """What there is to learn from, see `screened`."""
    survival: dict[str, dict[str, Any]]
    """How many of the links that ever showed a picture still do, by category."""

    def without(self, misfiled: pd.DataFrame) -> "Screened":
        """Return it without some pictures (digest, category), whose links are `misfiled`."""
        if misfiled.empty:
            return self
        links = self.links.copy()
        _drop(links, (links["verdict"] == "alive") & among(links, misfiled), "misfiled")
        return replace(
            self, links=links, pictures=self.pictures[~among(self.pictures, misfiled)].reset_index(drop=True)
        )


def among(table: pd.DataFrame, pictures: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which rows of a table (digest, category) are among some pictures (digest, category)."""
    keys = ["digest", "category"]
    return np.asarray(pd.MultiIndex.from_frame(table[keys]).isin(pd.MultiIndex.from_frame(pictures[keys])))


def screen(links: pd.DataFrame, config: Config, store: Store) -> Screened:
    """Return the last verdicts on links, columns links.MEMORY. The store learns new placeholders.

    Pictures that are known to be misfiled go last, so that they are left out of what they were in when they were found.
    """
    now = datetime.now(UTC)
    known = store.placeholders()
    new = find_placeholders(links, known, now)
    if len(new):
        known = pd.concat([known, new], ignore_index=True) if len(known) else new
        store.put_placeholders(known)
    days = config.screen.accept_replaced_days
    accepted_before = now - timedelta(days=days) if days is not None else None
    of_split = partial(split_of, config.split, config.seed)
    judged, pictures = screened(links, known, config.screen.near, of_split, accepted_before)
    whole = Screened(judged[COLUMNS], pictures, survival(links, judged))
    misfiled = store.misfiled()
    return whole.without(misfiled[~misfiled["accepted"]]) if config.screen.misfiled else whole


def find_placeholders(links: pd.DataFrame, known: pd.DataFrame, now: datetime) -> pd.DataFrame:
    """Return the signatures, columns store.PLACEHOLDERS, that `known` lacks and these links show.

    Nobody says what a placeholder looks like. But one picture that many links show, be its bytes the same or not, or
    one address that unrelated links redirect to, stands for photos that are gone.
    """
    many = _shown_by_many(links)
    away = links.loc[(links["digest"] != "") & (links["final_url"] != links["url"]), ["url", "final_url", "digest"]]
    targets = away.groupby("final_url")["url"].nunique()
    shared = set(targets[targets >= MANY_REDIRECTED].index)
    digests = many | set(away.loc[away["final_url"].isin(shared), "digest"])
    rows = [(digest, "", "", 0, 0, now) for digest in sorted(digests - set(known["digest"]))]
    rows += [("", target, "", 0, 0, now) for target in sorted(shared - set(known["final_url"]))]
    shown = links.index[(links["digest"] != "") & ~links["digest"].isin(digests) & ~_shows_picture(links, known)]
    rows += [("", "", phash, width, height, now) for phash, width, height in _alike(links, shown)]
    return pd.DataFrame(rows, columns=["digest", "final_url", "phash", "width", "height", "first_seen"])


def _shown_by_many(links: pd.DataFrame) -> set[str]:
    """The digests that too many links show."""
    shared = links.loc[_shared(links), ["url", "digest", "width", "height", "bytes"]]
    uses = shared.groupby("digest")["url"].nunique()
    once = shared.drop_duplicates("digest").set_index("digest").reindex(uses.index)
    return set(uses.index[uses >= _too_many(once)])


def _shared(links: pd.DataFrame) -> "pd.Series[bool]":
    """Which links show bytes that another link shows as well: few, so that what follows is small."""
    return (links["digest"] != "") & links["digest"].duplicated(keep=False)


def _too_many(pictures: pd.DataFrame) -> "pd.Series[int]":
    """The number of links from which on each picture (bytes, width, height) is a placeholder."""
    bits = 8 * pictures["bytes"] / (pictures["width"] * pictures["height"]).clip(lower=1)
    return bits.lt(PHOTO_BITS).map({True: MANY, False: MANY_PHOTOS})


def _alike(links: pd.DataFrame, shown: "pd.Index[Any]") -> list[tuple[str, int, int]]:
    """One (phash, width, height) for each group of many links whose pictures are the same but for some bytes."""
    found = []
    for _, part in links.loc[shown, ["width", "height"]].groupby(["width", "height"]):
        if len(part) < MANY:
            continue
        group = _groups(_bits(links.loc[part.index, "phash"]), IDENTICAL)
        sizes = np.bincount(group)
        for number in np.flatnonzero(sizes >= MANY):
            same = links.loc[part.index[group == number], ["url", "digest", "phash", "bytes", "width", "height"]]
            first = same.sort_values("digest").iloc[[0]]
            if same["url"].nunique() >= _too_many(first).iloc[0]:
                width, height = (int(first[side].iloc[0]) for side in ("width", "height"))
                found.append((str(first["phash"].iloc[0]), width, height))
    return sorted(found)


def _shows_picture(links: pd.DataFrame, placeholders: pd.DataFrame) -> "pd.Series[bool]":
    """Which links show the picture of a known placeholder, whatever its bytes."""
    shows = pd.Series(False, index=links.index)
    for row in placeholders[placeholders["phash"] != ""].itertuples():
        same = links.index[(links["width"] == row.width) & (links["height"] == row.height) & (links["phash"] != "")]
        alike = [distance(str(phash), str(row.phash)) <= IDENTICAL for phash in links.loc[same, "phash"]]
        shows[same[np.array(alike, dtype=bool)]] = True
    return shows


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
    _drop(links, (links["digest"] != "") & known, "placeholder")

    swapped = links["replaced_at"].notna() & ~links["trusted_digest"].isin(signatures)
    if accepted_before is not None:
        swapped &= links["replaced_at"] > accepted_before
    _drop(links, (links["verdict"] == "alive") & swapped, "replaced")

    shared = links.loc[_shared(links), ["digest", "category", "first_seen", "url"]]
    shared = shared[links.loc[shared.index, "verdict"] == "alive"]
    homes = shared.groupby("digest")["category"].transform("nunique") > 1
    ordered = shared[~homes].sort_values(["digest", "first_seen", "url"])
    again = ordered.index[ordered["digest"].duplicated()]
    _drop(links, links.index.isin(shared.index[homes].append(again)), "duplicate")

    pictures = _pictures(links)
    pictures["cluster"] = clusters(pictures["phash"], pictures["digest"], near)
    pictures["split"] = [split_of(c, d) for c, d in zip(pictures["category"], pictures["digest"], strict=True)]
    clash = _clashing(pictures)
    shown = links["digest"].isin(set(pictures.loc[clash, "digest"])) & (links["verdict"] == "alive")
    _drop(links, shown, "near_duplicate")
    return links, pictures[~clash].drop(columns="split").reset_index(drop=True)


def clusters(phashes: "pd.Series[str]", digests: "pd.Series[str]", near: int) -> "pd.Series[str]":
    """Return for each picture the smallest digest among its near-duplicates, joined through chains of them.

    Near are hashes of which at most `near` of 64 bits differ.
    """
    group = _groups(_bits(phashes), near)
    order = np.argsort(np.asarray(digests, dtype="S64"), kind="stable")
    _, firsts = np.unique(group[order], return_index=True)
    return digests.iloc[order[firsts][group]].reset_index(drop=True)


def _bits(phashes: Iterable[str]) -> NDArray[np.uint64]:
    return np.fromiter((int(phash or "0", 16) for phash in phashes), np.uint64)


def _groups(phashes: NDArray[np.uint64], near: int) -> NDArray[np.int64]:
    """The number of the group, from 0, that each of N hashes is in, joined through chains of near ones."""
    bits, which = np.unique(phashes, return_inverse=True)
    leader = np.arange(len(bits))

    def root(i: int) -> int:
        while leader[i] != i:
            leader[i] = leader[leader[i]]
            i = int(leader[i])
        return i

    for a, b in near_pairs(bits, near):
        first, second = sorted((root(a), root(b)))
        leader[second] = first
    roots = np.array([root(i) for i in range(len(bits))], dtype=np.int64)
    return np.unique(roots, return_inverse=True)[1][which] if len(bits) else roots


def near_pairs(bits: NDArray[np.uint64], near: int) -> list[tuple[int, int]]:
    """Return the pairs of 64-bit hashes at a Hamming distance of at most `near`.

    Two such hashes agree on at least one of `near + 1` bands of their bits, so hashes are sorted by each band and
    compared with those that follow while the band is the same: https://doi.org/10.1109/TKDE.2012.82.
    """
    edges = np.linspace(0, 64, near + 2).astype(int)
    pairs: set[tuple[int, int]] = set()
    for low, high in pairwise(edges):
        band = (bits >> np.uint64(low)) & np.uint64((1 << int(high - low)) - 1)
        order = np.argsort(band, kind="stable")
        band, ranked = band[order], bits[order]
        for step in range(1, len(bits)):
            same = band[step:] == band[:-step]
            if not same.any():
                break
            close = np.flatnonzero(same & (np.bitwise_count(ranked[step:] ^ ranked[:-step]) <= near))
            pairs |= {
                (min(a, b), max(a, b)) for a, b in zip(order[close].tolist(), order[close + step].tolist(), strict=True)
            }
    return sorted(pairs)


def _drop(links: pd.DataFrame, which: "pd.Series[bool] | NDArray[np.bool_]", reason: str) -> None:
    links.loc[which, "verdict"] = "junk"
    links.loc[which, "reason"] = reason


def _pictures(links: pd.DataFrame) -> pd.DataFrame:
    """One row for each digest that is alive, with every URL that shows it, the one that is kept first."""
    columns = ["digest", "category", "width", "height", "phash", "url"]
    pictures = links.loc[links["verdict"] == "alive", columns].sort_values("digest", ignore_index=True)
    others = links.loc[_shared(links) & (links["reason"] == "duplicate"), ["digest", "url"]].sort_values("url")
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
