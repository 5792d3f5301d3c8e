"""Pictures known to be in the wrong list: they teach the head a lie, so they stay out until somebody accepts them.

`neighbours` finds them; here they are remembered from run to run.
"""

from collections.abc import Collection
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from regraft.links.memory import TIME
from regraft.store.store import Store
from regraft.store.tables import is_in, stacked
from regraft.verdicts import Reason

MISFILED_PATH = "links/misfiled.parquet"
MISFILED = pa.schema(
    [
        ("digest", pa.string()),
        ("category", pa.string()),
        ("like", pa.string()),
        ("first_seen", TIME),
        ("accepted", pa.bool_()),
        ("chance", pa.float64()),
        ("share", pa.float64()),
        ("neighbours", pa.string()),
    ]
)
"""The columns of the known misfiled pictures: a picture, the category whose list shows it, the category that it is
like, when that was found, whether somebody accepted it as what its list says in an earlier Regraft, in which that
was no decision yet that could be taken back, the probability that it looks misfiled by chance, the other category's
share of its nearest neighbours, and the digests of the nearest of them. The last three are null where an older version
found it."""
ADDED_COLUMNS = ("chance", "share", "neighbours")
"""Columns that tables of earlier versions of Regraft lack; they are read as null."""
DOUBTFUL_PATH = "links/doubtful.parquet"
DOUBTFUL = pa.schema([("digest", pa.string()), ("category", pa.string()), ("like", pa.string())])
"""The columns of the doubtful pictures: a picture that is learnt from, its category, and the one that it is like."""


def known_misfiled(store: Store) -> pd.DataFrame:
    """Return the pictures known to be in the wrong list, columns MISFILED."""
    return store.tables.read_if_sound(MISFILED_PATH, MISFILED, ADDED_COLUMNS)


def remember(misfiled: pd.DataFrame, store: Store, now: datetime) -> pd.DataFrame:
    """Return those of misfiled pictures (digest, category, like, chance) that are new, once the store knows them.

    Those that somebody decided to learn from are remembered too, so that the decision can be taken back.
    """
    known = known_misfiled(store)
    new = misfiled[~is_among(misfiled, known)]
    if len(new):
        rows = new.assign(first_seen=now, accepted=False).reindex(columns=MISFILED.names)
        store.tables.write(MISFILED_PATH, stacked(known, rows), MISFILED)
    return new


def remember_doubtful(doubtful: pd.DataFrame, store: Store) -> None:
    """Have the store know the pictures (digest, category, like) that are doubtful now, and no others."""
    store.tables.write(DOUBTFUL_PATH, doubtful[DOUBTFUL.names], DOUBTFUL)


def with_doubtful(manifest: pd.DataFrame, decided: Collection[str], store: Store) -> pd.DataFrame:
    """Return a manifest with a column `doubtful`: the category that a picture may belong to instead; mostly "".

    `decided`: the digests of the pictures that a person decided to learn from.
    """
    known = store.tables.read_if_sound(DOUBTFUL_PATH, DOUBTFUL).rename(columns={"like": "doubtful"})
    known = known[~known["digest"].isin(list(decided))]
    return manifest.merge(known, on=["digest", "category"], how="left").fillna({"doubtful": ""})


def misfiled_links(links: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Return the links that show misfiled pictures, and what those are like: digest, category, url, like, chance.

    `known`: see `known_misfiled`.
    """
    rows = links[["digest", "category", "url"]][links["reason"] == Reason.MISFILED]
    return rows.merge(known[["digest", "category", "like", "chance"]], on=["digest", "category"], how="left")


def is_among(rows: pd.DataFrame, pictures: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which of N rows (digest, category) are among some pictures (digest, category): (N,)."""
    keys = ["digest", "category"]
    result = np.array(is_in(rows["digest"], pictures["digest"]))
    if not result.any():
        return result
    few = pd.MultiIndex.from_frame(rows[keys][result])
    result[result] = few.isin(pd.MultiIndex.from_frame(pictures[keys]))
    return result
