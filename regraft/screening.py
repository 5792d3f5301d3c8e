"""What only all links together can tell: placeholders, duplicates, near-duplicates, pictures in two categories."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
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


def screen(links: pd.DataFrame, config: Config, store: Store) -> Screened:
    """Return the last verdicts on links, columns links.MEMORY. The store learns new placeholders."""
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
    return Screened(judged[COLUMNS], pictures, survival(links, judged))


def find_placeholders(links: pd.DataFrame, known: pd.DataFrame, now: datetime) -> pd.DataFrame:
    """Return the signatures, columns store.PLACEHOLDERS, that `known` lacks and these links show.

    Nobody says what a placeholder looks like. But one picture that many links show, be its bytes the same or not, or
    one address that unrelated links redirect to, stands for photos that are gone.
    """
    pictures = links.loc[links["digest"] != "", ["url", "digest", "final_url", "phash", "width", "height", "bytes"]]
    many = _shown_by_many(pictures)
    away = pictures[pictures["final_url"] != pictures["url"]]
    targets = away.groupby("final_url")["url"].nunique()
    shared = set(targets[targets >= MANY_REDIRECTED].index)
    digests = many | set(away.loc[away["final_url"].isin(shared), "digest"])
    rows = [(digest, "", "", 0, 0, now) for digest in sorted(digests - set(known["digest"]))]
    rows += [("", target, "", 0, 0, now) for target in sorted(shared - set(known["final_url"]))]
    shown = pictures[~pictures["digest"].isin(digests)]
    alike = _alike(shown[~_shows_picture(shown, known)])
    rows += [("", "", phash, width, height, now) for phash, width, height in alike]
    return pd.DataFrame(rows, columns=["digest", "final_url", "phash", "width", "height", "first_seen"])


def _shown_by_many(pictures: pd.DataFrame) -> set[str]:
    """The digests that too many links show."""
    uses = pictures.groupby("digest")["url"].nunique()
    return set(uses.index[uses >= _too_many(pictures).reindex(uses.index)])


def _too_many(pictures: pd.DataFrame) -> "pd.Series[int]":
    """By digest, the number of links from which on its picture is a placeholder."""
    once = pictures.drop_duplicates("digest").set_index("digest")
    bits = 8 * once["bytes"] / (once["width"] * once["height"]).clip(lower=1)
    return bits.lt(PHOTO_BITS).map({True: MANY, False: MANY_PHOTOS})


def _alike(pictures: pd.DataFrame) -> list[tuple[str, int, int]]:
    """One (phash, width, height) for each group of many links whose pictures are the same but for some bytes."""
    found = []
    too_many = _too_many(pictures)
    for _, part in pictures.groupby(["width", "height"]):
        if part["url"].nunique() < MANY:
            continue
        once = part.drop_duplicates("url")
        leaders = pd.Series(clusters(once["phash"].tolist(), once["digest"].tolist(), IDENTICAL))
        sizes = leaders.value_counts()
        first = once.drop_duplicates("digest").set_index("digest")["phash"]
        phashes = [str(first[leader]) for leader in sorted(sizes.index[sizes >= too_many.reindex(sizes.index)])]
        found += [(phash, int(part["width"].iloc[0]), int(part["height"].iloc[0])) for phash in phashes]
    return found


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

    alive = links["verdict"] == "alive"
    homes = links[alive].groupby("digest")["category"].nunique()
    _drop(links, alive & links["digest"].isin(homes[homes > 1].index), "duplicate")

    alive = links["verdict"] == "alive"
    ordered = links.loc[alive, ["digest", "first_seen", "url"]].sort_values(["digest", "first_seen", "url"])
    _drop(links, links.index.isin(ordered.index[ordered.duplicated("digest")]), "duplicate")

    pictures = _pictures(links)
    pictures["cluster"] = clusters(pictures["phash"].tolist(), pictures["digest"].tolist(), near)
    pictures["split"] = [split_of(c, d) for c, d in zip(pictures["category"], pictures["digest"], strict=True)]
    clash = _clashing(pictures)
    shown = links["digest"].isin(set(pictures.loc[clash, "digest"])) & (links["verdict"] == "alive")
    _drop(links, shown, "near_duplicate")
    return links, pictures[~clash].drop(columns="split").reset_index(drop=True)


def clusters(phashes: list[str], digests: list[str], near: int) -> list[str]:
    """Return for each picture the smallest digest among its near-duplicates, joined through chains of them.

    Near are hashes of which at most `near` of 64 bits differ.
    """
    bits, which = np.unique(np.fromiter((int(p, 16) for p in phashes), np.uint64, len(phashes)), return_inverse=True)
    leader = list(range(len(bits)))
    least = _least(digests, which, len(bits))

    def root(i: int) -> int:
        while leader[i] != i:
            leader[i] = leader[leader[i]]
            i = leader[i]
        return i

    for a, b in near_pairs(bits, near):
        first, second = sorted((root(a), root(b)), key=lambda i: least[i])
        leader[second] = first
    return [least[root(int(i))] for i in which]


def _least(digests: list[str], which: "NDArray[np.intp]", count: int) -> list[str]:
    """The smallest digest of each group."""
    least = [""] * count
    for digest, group in zip(digests, which.tolist(), strict=True):
        if not least[group] or digest < least[group]:
            least[group] = digest
    return least


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
    """One row for each digest that is alive, with every URL that shows it."""
    columns = ["digest", "category", "width", "height", "phash"]
    kept = links.loc[links["verdict"] == "alive", columns].sort_values("digest")
    shows = links["digest"].isin(set(kept["digest"])) & links["reason"].isin(["", "duplicate"])
    shown = links.loc[shows, ["digest", "url"]]
    urls: dict[str, list[str]] = {}
    for digest, url in zip(shown["digest"].tolist(), shown["url"].tolist(), strict=True):
        urls.setdefault(digest, []).append(url)
    pictures = kept.reset_index(drop=True)
    pictures.insert(2, "urls", [sorted(urls[digest]) for digest in pictures["digest"]])
    return pictures


def _clashing(pictures: pd.DataFrame) -> "pd.Series[bool]":
    """Pictures whose cluster has members in a split that goes before theirs: test, then validation, then train."""
    rank = pictures["split"].map({"test": 0, "validation": 1, "train": 2})
    first = rank.groupby(pictures["cluster"]).transform("min")
    return rank > first
