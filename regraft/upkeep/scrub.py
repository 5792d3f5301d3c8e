"""Tables and pages without what was removed: what names it, and what shows it, is found by the hashes alone."""

import base64
import html
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from regraft.identity import DIGEST, DIGEST_DIGITS, SHORT_DIGEST_DIGITS, short_digest
from regraft.links.removals import Removals
from regraft.pictures.judge import Picture, judge
from regraft.pictures.limits import ANY_SIZE

# N rows
IDENTITIES = ("url", "digest", "host")
"""The columns that say what a row is of: where they name something removed, the row goes."""
ADDRESSES = ("url", "urls")
"""The columns whose texts are links, even where they are no URLs."""
TRUSTED, TRUSTED_HASH = "trusted_digest", "trusted_phash"
"""The columns with the picture that a link is known for, and with its perceptual hash, which goes with it."""
WEB_ADDRESS = re.compile(r"https?:[^\s<>\"']+", re.IGNORECASE)
SHORT_DIGEST = re.compile(rf">\s*([0-9a-f]{{{SHORT_DIGEST_DIGITS}}})\s*<")
"""A digest as a page shows it."""
CELL = re.compile(r">([^<>]+)<")
IMAGE = re.compile(r"data:image/[a-z+]+;base64,([A-Za-z0-9+/=]+)")
SETTINGS = re.compile(r"<pre\b.*?</pre>", re.DOTALL)
"""The job's config, which names lists, and no link."""
SEGMENT = re.compile(r"<(tr|figure|li)\b.*?</\1>", re.DOTALL)
"""The parts of a page that show one link or picture."""
SHORTENED = "\N{HORIZONTAL ELLIPSIS}"
"""What ends a URL of which a page shows the beginning."""


def table_without(table: pa.Table, removals: Removals) -> pa.Table | None:
    """Return a table without what was removed; None where it names nothing of it.

    Rows of it go. In other rows its digests and URLs become "" or leave their list, and a cluster of near-duplicates
    that was named by it gets the name of the smallest digest that is left.
    """
    gone = rows_of(table, removals)
    kept = table.filter(pa.array(~gone)) if gone.any() else table
    others = [name for name in kept.column_names if name not in IDENTITIES]
    blank = {name: values for name in others if len(values := _named_in(kept, name, removals))}
    if not gone.any() and not blank:
        return None
    changed: dict[str, pa.Array | pa.ChunkedArray] = {}
    for name, values in blank.items():
        if name == "cluster":
            changed[name] = _renamed_clusters(kept, values)
        elif _is_list(kept.schema.field(name).type):
            changed[name] = _lists_without(kept[name], values)
        else:
            changed[name] = _blanked(kept[name], pc.is_in(kept[name], value_set=values))
    if TRUSTED in changed and TRUSTED_HASH in kept.column_names:
        changed[TRUSTED_HASH] = _blanked(kept[TRUSTED_HASH], pc.is_in(kept[TRUSTED], value_set=blank[TRUSTED]))
    for name, column in changed.items():
        kept = kept.set_column(kept.column_names.index(name), name, column)
    return kept


def _blanked(texts: pa.ChunkedArray, is_blank: pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts of which some become ""."""
    return pc.if_else(is_blank, pa.scalar("", texts.type), texts)


def rows_of(table: pa.Table, removals: Removals) -> NDArray[np.bool_]:
    """Return which of N rows are of something removed: (N,)."""
    rows = np.zeros(len(table), dtype=bool)
    for name in set(IDENTITIES) & set(table.column_names):
        values = _named_in(table, name, removals)
        if len(values):
            rows |= np.asarray(pc.is_in(table[name], value_set=values), dtype=bool)
    if {"digest", "phash"} <= set(table.column_names) and removals.phashes:  # known by its perceptual hash alone
        is_hash = pc.is_in(table["phash"], value_set=pa.array(removals.phashes, table["phash"].type))
        rows |= np.asarray(pc.and_(is_hash, pc.equal(table["digest"], "")).fill_null(False), dtype=bool)
    return rows


def _named_in(table: pa.Table, name: str, removals: Removals) -> pa.Array:
    """The texts in a column, of texts or of lists of texts, that name something removed."""
    kind = table.schema.field(name).type
    column = table[name]
    if _is_list(kind):
        column, kind = pc.list_flatten(column), kind.value_type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return pa.array([], pa.string())
    texts = pc.unique(column).drop_null()
    if name in ADDRESSES:
        return pa.array(filter(removals.has_link, texts.to_pylist()), kind)
    if name == "host":
        return pa.array(filter(removals.has_host, texts.to_pylist()), kind)
    return pa.array(_texts_with(texts, removals), kind)


def _texts_with(texts: pa.Array, removals: Removals) -> Iterator[str]:
    """Yield those of some texts that name something removed. Most are digests alone: these are looked up at once."""
    yield from texts.filter(pc.is_in(texts, value_set=pa.array(sorted(removals.pictures), texts.type))).to_pylist()
    may_name = pc.match_substring(texts, "://")
    is_longer = pc.greater(pc.utf8_length(texts), DIGEST_DIGITS)
    if pc.any(is_longer).as_py():  # seldom, and Arrow takes a while to prepare the pattern
        may_name = pc.or_(may_name, pc.and_(is_longer, pc.match_substring_regex(texts, DIGEST.pattern)))
    yield from (text for text in texts.filter(may_name).to_pylist() if names_removed(text, removals))


def names_removed(text: str, removals: Removals) -> bool:
    """Return whether a text names a removed picture by its digest, or a removed link."""
    if any(map(removals.has_picture, DIGEST.findall(text))):
        return True
    if "://" not in text:
        return False
    addresses = () if WEB_ADDRESS.fullmatch(text) else WEB_ADDRESS.findall(text)
    return removals.has_link(text) or any(map(removals.has_link, addresses))


def _renamed_clusters(table: pa.Table, names: pa.Array) -> pa.Array:
    """The clusters' names; those among `names` become the smallest digest that such a cluster has."""
    rows = pd.DataFrame({name: table[name].to_pandas() for name in ("cluster", "digest")})
    is_old = rows["cluster"].isin(names.to_pylist())
    rows.loc[is_old, "cluster"] = rows[is_old].groupby("cluster")["digest"].transform("min")
    return pa.array(rows["cluster"], table["cluster"].type)


def _lists_without(column: pa.ChunkedArray, values: pa.Array) -> pa.Array:
    """Lists of texts without some of these."""
    unwanted = set(values.to_pylist())
    lists = [
        None if texts is None else [text for text in texts if text not in unwanted] for texts in column.to_pylist()
    ]
    return pa.array(lists, column.type)


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def page_without(page: str, removals: Removals) -> str | None:
    """Return a page without the rows and figures of what was removed; None where it shows nothing of it.

    Where it is shown anywhere else on the page, the whole page goes, and another says why.
    """
    if not shows_removed(page, removals):
        return None
    rest = SEGMENT.sub(lambda segment: "" if shows_removed(segment[0], removals) else segment[0], page)
    return EMPTY_PAGE if shows_removed(rest, removals) else rest


EMPTY_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Removed</title></head>
<body><h1>Removed</h1><p>This page showed a picture that somebody had removed, and could not do without it.</p></body>
</html>
"""


def shows_removed(page: str, removals: Removals) -> bool:
    """Return whether a page shows a removed picture, or names it, its link or its host."""
    if any(removals.has_copy(_phash(image)) for image in IMAGE.findall(page)):
        return True
    text = SETTINGS.sub("", IMAGE.sub("", page))
    if any(map(removals.has_picture, DIGEST.findall(text))):
        return True
    if _short_digests(removals.pictures).intersection(SHORT_DIGEST.findall(text)):
        return True
    cells = [html.unescape(cell).strip() for cell in CELL.findall(text)]
    addresses = WEB_ADDRESS.findall(html.unescape(text))
    return any(map(removals.has_host, cells)) or any(_is_removed(text, removals) for text in chain(cells, addresses))


def _is_removed(text: str, removals: Removals) -> bool:
    """Whether a text is a removed link, or the beginning of a link of a host with removed ones."""
    return removals.has_link(text) or (text.endswith(SHORTENED) and removals.may_have_link(text))


@lru_cache(1)
def _short_digests(digests: frozenset[str]) -> set[str]:
    """Some digests as pages show them."""
    return set(map(short_digest, digests))


@lru_cache(1024)
def _phash(image: str) -> str:
    """The perceptual hash of a picture in base64; "" where it is none."""
    try:
        picture = judge(base64.b64decode(image), ANY_SIZE)
    except ValueError:
        return ""
    return picture.phash if isinstance(picture, Picture) else ""
