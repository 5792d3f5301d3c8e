"""What a web archive has kept of dead links: remembered apart from what is known of the links themselves.

A dead link stays dead, and is asked as dead links are; in a version it is alive with the outcome `archived`. So the
live link takes its place again as soon as it comes back.
"""

import pandas as pd
import pyarrow as pa

from regraft.links.memory import TIME
from regraft.links.rot import ARCHIVED
from regraft.pictures.perceptual import distance
from regraft.store.store import Store
from regraft.store.tables import is_in
from regraft.verdicts import Reason, Verdict

PATH = "links/mementos.parquet"
MEMENTOS = pa.schema(
    [
        ("url", pa.string()),
        ("reason", pa.string()),
        ("digest", pa.string()),
        ("bytes", pa.int64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("phash", pa.string()),
        ("memento", pa.string()),
        ("memento_at", TIME),
        ("asked_at", TIME),
        ("detail", pa.string()),
    ]
)
"""What an archive answered for each link: the picture, the memento's URL and when it was taken; or, with no digest, why
there is none. `opted_out` is the reason of links that are never to be asked for, whose `asked_at` may be null."""
BROUGHT_BACK = (
    Reason.GONE,
    Reason.SERVER_ERROR,
    Reason.UNREACHABLE,
    Reason.TLS,
    Reason.TIMEOUT,
    Reason.TOO_MANY_REDIRECTS,
)
"""Why links are dead that an archive is asked for. A server that refuses (403) or is busy (429) is there, and its word
holds; what is no URL, or a private address, is nowhere."""
OF_THE_PICTURE = ("digest", "bytes", "width", "height", "phash", "memento", "memento_at")


def known_mementos(store: Store) -> pd.DataFrame:
    """Return what is known of mementos, columns MEMENTOS; nothing, with a warning, where that is damaged."""
    return store.tables.read_if_sound(PATH, MEMENTOS)


def put_mementos(store: Store, mementos: pd.DataFrame) -> None:
    """Replace what is known of mementos, once the blobs that it names survive a crash."""
    store.tables.write(PATH, mementos, MEMENTOS)


def are_brought_back(links: pd.DataFrame) -> "pd.Series[bool]":
    """Return which links (verdict, reason) are dead in a way that an archive may help with."""
    return (links["verdict"] == Verdict.DEAD) & links["reason"].isin(BROUGHT_BACK)


def without_mementos(links: pd.DataFrame) -> pd.DataFrame:
    """Return links with the columns `memento` and `memento_at`, which say that none is an archive's."""
    return links.assign(memento="", memento_at=pd.Series(pd.NaT, links.index, "datetime64[us, UTC]"))


def with_mementos(links: pd.DataFrame, mementos: pd.DataFrame, near: int) -> pd.DataFrame:
    """Return links, columns memory.MEMORY, in which dead ones show what an archive has kept of them.

    Of a link that is known for a picture it must be that picture: at most `near` of 64 bits of their hashes differ. The
    link's `dead_since` and `http_status` stay those of the live web.
    """
    links = without_mementos(links)
    if mementos.empty:
        return links
    shown = mementos[mementos["digest"] != ""].drop_duplicates("url").set_index("url")
    has_memento = links.index[are_brought_back(links) & is_in(links["url"], shown.index.to_series())]
    if has_memento.empty:
        return links
    rows = shown.reindex(links["url"][has_memento]).set_index(has_memento)
    known_for = links["trusted_phash"][has_memento]
    pairs = zip(known_for, rows["phash"], strict=True)
    is_known = [not trusted or distance(trusted, phash) <= near for trusted, phash in pairs]
    rows = rows[is_known]
    for column in OF_THE_PICTURE:
        links.loc[rows.index, column] = rows[column]
    links.loc[rows.index, "final_url"] = rows["memento"]
    links.loc[rows.index, "detail"] = rows["memento_at"].dt.strftime("as a web archive kept it on %Y-%m-%d")
    links.loc[rows.index, ["verdict", "reason", "outcome"]] = [Verdict.ALIVE.value, Reason.ALIVE.value, ARCHIVED]
    links.loc[rows.index, ["etag", "last_modified"]] = ""
    return links
