"""Placeholders: what hosts show in place of photos that are gone. Nobody says so, but many links show the same."""

import re
from datetime import datetime
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from regraft.links.memory import TIME
from regraft.pictures.hash_bands import HASH_BITS
from regraft.pictures.near import hash_bits, near_groups
from regraft.pictures.perceptual import is_outdated
from regraft.store.store import Store
from regraft.store.tables import is_in, no_rows, stacked
from regraft.web.urls import host_of, ip_address_of

MIN_LINKS = 4
"""Links that show the same picture, from which on it is a placeholder. An honest picture is linked twice or thrice."""
MIN_LINKS_OF_PHOTO = 8
"""The same, of what looks like a photograph: photographs are copied more often than pictures of words."""
MIN_BITS_PER_PIXEL = 0.5
"""Of what looks like a photograph. Of 840 photographs behind old links 3 take less; words on a plain ground take a
fifth."""
MIN_FRAMES = 8
"""Pictures of one size and one site that look alike in different bytes, from which on a camera took them: a site shows
its placeholder in the same bytes."""
MIN_BITS_PER_PIXEL_OF_FRAME = 0.2
"""Of such pictures. Photographs saved at a quality of 10 take 0.22 to 0.41; words in lossless formats 0.18."""
MIN_REDIRECTED_LINKS = 3
"""Links that redirect to one and the same address, from which on that address shows a placeholder."""
MAX_VARIANT_BITS = 6
"""Bits of 64 in which the perceptual hashes of a placeholder's variants differ at most: saved anew, or at another size.
No two of 839 photographs are so near."""
MAX_OUTDATED_BITS = 12
"""The same, where the placeholder's hash was made by an earlier Regraft. Of 210 photographs the two hashes differ in 11
bits at most."""
MAX_SHAPE_DIFFERENCE = 0.005
"""Share by which the width to height of a placeholder's variants differs at most; sizes are rounded to whole pixels."""
SITE_LABELS = 2
"""The last labels of a host's name, which say whose it is; those before it may number one of many servers."""

PLACEHOLDERS_PATH = "links/placeholders.parquet"
NO_PLACEHOLDERS_PATH = "links/no_placeholders.parquet"
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
(final_url), or by its picture and shape (phash, width, height); the other columns are "" or 0."""
NO_PHOTOS = pd.DataFrame({"digest": [], "final_url": [], "phash": [], "width": [], "height": []})
"""Where nobody decided that something is no placeholder."""


def known_placeholders(store: Store) -> pd.DataFrame:
    """Return the known placeholders, columns PLACEHOLDERS."""
    return store.tables.read_if_sound(PLACEHOLDERS_PATH, PLACEHOLDERS)


def accepted_pictures(store: Store) -> pd.DataFrame:
    """Return what was taken for a placeholder until somebody accepted it in an earlier Regraft, columns PLACEHOLDERS.

    Such was no decision yet that could be taken back.
    """
    return store.tables.read(NO_PLACEHOLDERS_PATH, PLACEHOLDERS)


def learn_placeholders(
    links: pd.DataFrame, store: Store, now: datetime, photos: pd.DataFrame = NO_PHOTOS
) -> pd.DataFrame:
    """Return all placeholders, columns PLACEHOLDERS, once the store knows also those that these links show.

    `photos` (digest, final_url, phash, width, height) are pictures that, as somebody decided, are none, however many
    links show them; nor is what is at their address, if that was taken for a placeholder's. What was taken for a
    placeholder stays known, so that the decision can be taken back.
    """
    known = known_placeholders(store)
    at_address = is_in(links["final_url"], set(photos["final_url"]) & set(known["final_url"]) - {""})
    photos = stacked(photos, links[photos.columns][at_address & (links["digest"] != "")])
    in_force, taken_back = _taken_back(known, photos)
    accepted = stacked(accepted_pictures(store), taken_back, _signatures(photos, now))
    new = find_placeholders(links[~shows_placeholder(links, accepted)], known, now)
    if len(new):
        store.tables.write(PLACEHOLDERS_PATH, stacked(known, new), PLACEHOLDERS)
    return stacked(in_force, new)


def placeholders_in_force(store: Store, photos: pd.DataFrame) -> pd.DataFrame:
    """Return the known placeholders, columns PLACEHOLDERS, without those that some photos, as decided, only seem."""
    return _taken_back(known_placeholders(store), photos)[0]


def _taken_back(known: pd.DataFrame, photos: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The known placeholders that no photo shows, and those that one does."""
    if photos.empty:
        return known, known.iloc[:0]
    shown = [bool(shows_placeholder(photos, known.iloc[[row]]).any()) for row in range(len(known))]
    is_shown = np.array(shown, dtype=bool)
    return known[~is_shown], known[is_shown]


def _signatures(photos: pd.DataFrame, now: datetime) -> pd.DataFrame:
    """What photos are known by, columns PLACEHOLDERS: their bytes, and their picture and shape."""
    if photos.empty:
        return no_rows(PLACEHOLDERS)
    by_bytes = photos[["digest"]].assign(final_url="", phash="", width=0, height=0)
    by_picture = photos[["phash", "width", "height"]][photos["phash"] != ""].assign(digest="", final_url="")
    return stacked(by_bytes, by_picture).assign(first_seen=now)[PLACEHOLDERS.names]


def find_placeholders(links: pd.DataFrame, known: pd.DataFrame, now: datetime) -> pd.DataFrame:
    """Return the placeholders, columns PLACEHOLDERS, that links show and that are not `known` yet.

    One picture that many links show, be its bytes and size the same or not, or one address that unrelated links
    redirect to, stands for photos that are gone. Photographs that look alike but differ in their bytes do not: they
    may be of a camera that never moves.
    """
    away = links[["url", "final_url", "digest"]][(links["digest"] != "") & (links["final_url"] != links["url"])]
    addresses = _led_to_by_many(away)
    digests = _shown_by_many(links) | set(away["digest"][is_in(away["final_url"], addresses)])
    rows = [(digest, "", "", 0, 0, now) for digest in sorted(digests - set(known["digest"]))]
    rows += [("", address, "", 0, 0, now) for address in sorted(addresses - set(known["final_url"]))]
    unknown = (links["digest"] != "") & ~is_in(links["digest"], digests) & ~_shows_variant(links, known)
    others = links[["url", "digest", "phash", "bytes", "width", "height"]][unknown]
    rows += [("", "", phash, width, height, now) for phash, width, height in _variants(others)]
    return pd.DataFrame(rows, columns=PLACEHOLDERS.names)


def shows_placeholder(links: pd.DataFrame, placeholders: pd.DataFrame) -> "pd.Series[bool]":
    """Return which links show a placeholder."""
    if placeholders.empty:
        return pd.Series(False, links.index)
    digests, addresses = (set(placeholders[column]) - {""} for column in ("digest", "final_url"))
    by_bytes, by_address = is_in(links["digest"], digests), is_in(links["final_url"], addresses)
    return (links["digest"] != "") & (by_bytes | by_address | _shows_variant(links, placeholders))


def shares_bytes(links: pd.DataFrame) -> "pd.Series[bool]":
    """Return which links show bytes that another link shows as well."""
    return (links["digest"] != "") & links["digest"].duplicated(keep=False)


def link_of(url: str) -> str:
    """Return what is the same in URLs of one link: neither its scheme, nor `www.`, nor the number of a server.

    `http://www.example.org/a.jpg` and `https://example.org/a.jpg` are one link, and so are those of farm1 and farm2.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return url
    if ip_address_of(host) is not None:
        return f"{host}{parts.path}?{parts.query}"
    labels = host.split(".")
    servers = (re.sub(r"\d+$", "", label) for label in labels[:-SITE_LABELS])
    name = ".".join([server for server in servers if server not in ("", "www")] + labels[-SITE_LABELS:])
    return f"{name}{parts.path}?{parts.query}"


def _led_to_by_many(links: pd.DataFrame) -> set[str]:
    """The addresses that too many links redirect to."""
    if links.empty:
        return set()
    sources = links.assign(link=links["url"].map(link_of)).groupby("final_url")["link"].nunique()
    return set(sources.index[sources >= MIN_REDIRECTED_LINKS])


def _shown_by_many(links: pd.DataFrame) -> set[str]:
    """The digests that too many links show."""
    is_shared = shares_bytes(links)
    if not is_shared.any():
        return set()
    shared = links[["url", "digest", "width", "height", "bytes"]][is_shared]
    uses = shared.assign(link=shared["url"].map(link_of)).groupby("digest")["link"].nunique()
    pictures = shared.drop_duplicates("digest").set_index("digest").reindex(uses.index)
    min_links = _are_photographs(pictures).map({True: MIN_LINKS_OF_PHOTO, False: MIN_LINKS})
    return set(uses.index[uses >= min_links])


def _are_photographs(pictures: pd.DataFrame, min_bits_per_pixel: float = MIN_BITS_PER_PIXEL) -> "pd.Series[bool]":
    """Which pictures (bytes, width, height) look like photographs."""
    bits_per_pixel = 8 * pictures["bytes"] / (pictures["width"] * pictures["height"]).clip(lower=1)
    return bits_per_pixel.ge(min_bits_per_pixel)


def _are_frames(pictures: pd.DataFrame) -> bool:
    """Whether a camera that never moves took pictures (url, digest, bytes, width, height) that look alike."""
    seen = pictures[_are_photographs(pictures, MIN_BITS_PER_PIXEL_OF_FRAME)].drop_duplicates("digest")
    sites = seen["url"].map(_site_of)
    return bool((seen.groupby([sites, "width", "height"]).size() >= MIN_FRAMES).any())


def _site_of(url: str) -> str:
    """The site of a URL: the last labels of its host."""
    return ".".join(host_of(url).split(".")[-SITE_LABELS:])


def _variants(links: pd.DataFrame) -> list[tuple[str, int, int]]:
    """One (phash, width, height) for each picture that too many links show in different bytes."""
    group = near_groups(hash_bits(links["phash"]), MAX_VARIANT_BITS)
    pictures: list[tuple[str, int, int]] = []
    is_large = np.bincount(group)[group] >= MIN_LINKS
    if not is_large.any():
        return pictures
    for _, look_alike in links[is_large].groupby(group[is_large]):
        for _, variants in look_alike.groupby(_shapes(look_alike)):
            # Small pictures take many bits for a pixel, whatever they show: the largest says whether it is a photo.
            area = variants["width"].astype("int64") * variants["height"]
            first = variants.assign(area=-area).sort_values(["area", "digest"]).iloc[[0]]
            are_photographs = _are_photographs(first).iloc[0] or _are_frames(variants)
            if variants["url"].map(link_of).nunique() >= MIN_LINKS and not are_photographs:
                width, height = (int(first[side].iloc[0]) for side in ("width", "height"))
                pictures.append((str(first["phash"].iloc[0]), width, height))
    return sorted(pictures)


def _shapes(pictures: pd.DataFrame) -> NDArray[np.int64]:
    """A number for each of N pictures (width, height), (N,): the same for those of one shape, whatever their size."""
    shape = _shape(pictures)
    order = np.argsort(shape)
    numbers = np.empty(len(shape), dtype=np.int64)
    numbers[order] = np.cumsum(np.diff(shape[order], prepend=shape.min()) > MAX_SHAPE_DIFFERENCE)
    return numbers


def _shape(pictures: pd.DataFrame) -> NDArray[np.float64]:
    """The logarithm of the width to the height of each of N pictures, (N,): its differences are shares."""
    width, height = (pictures[side].to_numpy(dtype=np.float64).clip(1) for side in ("width", "height"))
    return np.log(width / height)


def _shows_variant(links: pd.DataFrame, placeholders: pd.DataFrame) -> "pd.Series[bool]":
    """Which links show the picture of a known placeholder, whatever its bytes and its size."""
    return pd.Series(variants_shown(links, placeholders)[0] >= 0, index=links.index)


def variants_shown(links: pd.DataFrame, placeholders: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which row of the placeholders each of N links shows the picture of, whatever its bytes and its size: (N,).

    It is -1 for none, and the nearest of several. Returned with it is in how many of 64 bits the hashes differ, (N,).
    """
    rows, fewest = np.full(len(links), -1), np.full(len(links), HASH_BITS + 1)
    known = np.flatnonzero(placeholders["phash"] != "")
    if not len(known) or links.empty:
        return rows, fewest
    has_hash = (links["phash"] != "").to_numpy(dtype=bool)
    hashes, shapes = hash_bits(links["phash"]), _shape(links)
    pictures = placeholders.iloc[known]
    for row, phash, value, shape in zip(
        known, pictures["phash"], hash_bits(pictures["phash"]), _shape(pictures), strict=True
    ):
        max_bits = MAX_OUTDATED_BITS if is_outdated(phash) else MAX_VARIANT_BITS
        bits = np.bitwise_count(hashes ^ value)
        is_near = has_hash & (bits <= max_bits) & (bits < fewest) & (np.abs(shapes - shape) <= MAX_SHAPE_DIFFERENCE)
        rows[is_near], fewest[is_near] = row, bits[is_near]
    return rows, fewest
