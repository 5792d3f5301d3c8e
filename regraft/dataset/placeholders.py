"""Placeholders: what hosts show in place of photos that are gone. Nobody says so, but many links show the same."""

from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa

from regraft.links.memory import TIME
from regraft.pictures.near import hash_bits, near_groups
from regraft.pictures.perceptual import distance
from regraft.store.store import Store

MIN_LINKS = 4
"""Links that show the same picture, from which on it is a placeholder. An honest picture is linked twice or thrice."""
MIN_LINKS_OF_PHOTO = 8
"""The same, of what looks like a photograph: photographs are copied more often than pictures of words."""
MIN_BITS_PER_PIXEL = 0.5
"""Of what looks like a photograph. Of 840 photographs behind old links 3 take less; words on a plain ground take a
fifth."""
MIN_REDIRECTED_LINKS = 3
"""Links that redirect to one and the same address, from which on that address shows a placeholder."""
MAX_VARIANT_BITS = 2
"""Bits of 64 in which the perceptual hashes of a placeholder's variants differ at most; their size is the same."""

PLACEHOLDERS = pa.schema(
    [
        ("digest", pa.string()),
        ("final_url", pa.string()),
        ("phash", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("first_seen", TIME),
    ]
)
"""The columns of the known placeholders. Each is known by its bytes (digest), by the address that links redirect to
(final_url), or by its picture and size (phash, width, height); the other columns are "" or 0."""


def known_placeholders(store: Store) -> pd.DataFrame:
    """Return the known placeholders, columns PLACEHOLDERS."""
    return store.tables.read_if_sound("links/placeholders.parquet", PLACEHOLDERS)


def learn_placeholders(links: pd.DataFrame, store: Store, now: datetime) -> pd.DataFrame:
    """Return all known placeholders, columns PLACEHOLDERS, once the store knows also those that these links show."""
    known = known_placeholders(store)
    new = find_placeholders(links, known, now)
    if new.empty:
        return known
    known = pd.concat([known, new], ignore_index=True) if len(known) else new
    store.tables.write("links/placeholders.parquet", known, PLACEHOLDERS)
    return known


def find_placeholders(links: pd.DataFrame, known: pd.DataFrame, now: datetime) -> pd.DataFrame:
    """Return the placeholders, columns PLACEHOLDERS, that links show and that are not `known` yet.

    One picture that many links show, be its bytes the same or not, or one address that unrelated links redirect to,
    stands for photos that are gone.
    """
    redirected = (links["digest"] != "") & (links["final_url"] != links["url"])
    away = links.loc[redirected, ["url", "final_url", "digest"]]
    sources = away.groupby("final_url")["url"].nunique()
    addresses = set(sources.index[sources >= MIN_REDIRECTED_LINKS])
    digests = _shown_by_many(links) | set(away.loc[away["final_url"].isin(addresses), "digest"])
    rows = [(digest, "", "", 0, 0, now) for digest in sorted(digests - set(known["digest"]))]
    rows += [("", address, "", 0, 0, now) for address in sorted(addresses - set(known["final_url"]))]
    unknown = (links["digest"] != "") & ~links["digest"].isin(digests) & ~_shows_variant(links, known)
    others = links.loc[unknown, ["url", "digest", "phash", "bytes", "width", "height"]]
    rows += [("", "", phash, width, height, now) for phash, width, height in _variants(others)]
    return pd.DataFrame(rows, columns=PLACEHOLDERS.names)


def shows_placeholder(links: pd.DataFrame, placeholders: pd.DataFrame) -> "pd.Series[bool]":
    """Return which links show a placeholder."""
    digests, addresses = (set(placeholders[column]) - {""} for column in ("digest", "final_url"))
    by_bytes, by_address = links["digest"].isin(digests), links["final_url"].isin(addresses)
    return (links["digest"] != "") & (by_bytes | by_address | _shows_variant(links, placeholders))


def shares_bytes(links: pd.DataFrame) -> "pd.Series[bool]":
    """Return which links show bytes that another link shows as well."""
    return (links["digest"] != "") & links["digest"].duplicated(keep=False)


def _shown_by_many(links: pd.DataFrame) -> set[str]:
    """The digests that too many links show."""
    shared = links.loc[shares_bytes(links), ["url", "digest", "width", "height", "bytes"]]
    uses = shared.groupby("digest")["url"].nunique()
    pictures = shared.drop_duplicates("digest").set_index("digest").reindex(uses.index)
    return set(uses.index[uses >= _min_links(pictures)])


def _min_links(pictures: pd.DataFrame) -> "pd.Series[int]":
    """The number of links from which on each picture (bytes, width, height) is a placeholder."""
    bits_per_pixel = 8 * pictures["bytes"] / (pictures["width"] * pictures["height"]).clip(lower=1)
    return bits_per_pixel.lt(MIN_BITS_PER_PIXEL).map({True: MIN_LINKS, False: MIN_LINKS_OF_PHOTO})


def _variants(links: pd.DataFrame) -> list[tuple[str, int, int]]:
    """One (phash, width, height) for each picture that too many links show in different bytes."""
    pictures = []
    for _, same_size in links.groupby(["width", "height"]):
        if len(same_size) < MIN_LINKS:
            continue
        group = near_groups(hash_bits(same_size["phash"]), MAX_VARIANT_BITS)
        for number in np.flatnonzero(np.bincount(group) >= MIN_LINKS):
            variants = same_size[group == number]
            first = variants.sort_values("digest").iloc[[0]]
            if variants["url"].nunique() >= _min_links(first).iloc[0]:
                width, height = (int(first[side].iloc[0]) for side in ("width", "height"))
                pictures.append((str(first["phash"].iloc[0]), width, height))
    return sorted(pictures)


def _shows_variant(links: pd.DataFrame, placeholders: pd.DataFrame) -> "pd.Series[bool]":
    """Which links show the picture of a known placeholder, whatever its bytes."""
    shows = pd.Series(False, index=links.index)
    for placeholder in placeholders[placeholders["phash"] != ""].itertuples():
        is_same_size = (links["width"] == placeholder.width) & (links["height"] == placeholder.height)
        candidates = links.loc[is_same_size & (links["phash"] != ""), "phash"]
        is_near = [distance(phash, str(placeholder.phash)) <= MAX_VARIANT_BITS for phash in candidates]
        shows[candidates.index[np.array(is_near, dtype=bool)]] = True
    return shows
