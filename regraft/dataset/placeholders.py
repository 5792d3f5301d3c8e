"""Placeholders: what hosts show in place of photos that are gone."""

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from regraft.links import memory as links
from regraft.pictures.near import hash_bits, near_groups
from regraft.pictures.perceptual import distance
from regraft.store.store import Store

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
        group = near_groups(hash_bits(links.loc[part.index, "phash"]), IDENTICAL)
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


PLACEHOLDERS = pa.schema(
    [
        ("digest", pa.string()),
        ("final_url", pa.string()),
        ("phash", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("first_seen", links.SCHEMA.field("first_seen").type),
    ]
)
"""A placeholder's signature is the bytes, or the address that links redirect to, or the picture and its size."""


def known_placeholders(store: Store) -> pd.DataFrame:
    """Return the known placeholders, columns PLACEHOLDERS."""
    return store.tables.read("links/placeholders.parquet", PLACEHOLDERS)


def put_placeholders(store: Store, table: pd.DataFrame) -> None:
    """Replace the known placeholders."""
    store.tables.write("links/placeholders.parquet", table, PLACEHOLDERS)
