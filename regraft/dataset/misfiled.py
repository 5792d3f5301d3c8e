"""Pictures known to be in the wrong list: they teach the head a lie, so they stay out until somebody accepts them.

`neighbours` finds them; here they are remembered from run to run.
"""

from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from regraft.links.memory import TIME
from regraft.store.store import Store
from regraft.store.tables import is_in, stacked
from regraft.verdicts import Reason

MISFILED = pa.schema(
    [
        ("digest", pa.string()),
        ("category", pa.string()),
        ("like", pa.string()),
        ("first_seen", TIME),
        ("accepted", pa.bool_()),
    ]
)
"""The columns of the known misfiled pictures: a picture, the category whose list shows it, the category that it is
like, when that was found, and whether somebody accepted it as what its list says."""


def known_misfiled(store: Store) -> pd.DataFrame:
    """Return the pictures known to be in the wrong list, columns MISFILED."""
    return store.tables.read_if_sound("links/misfiled.parquet", MISFILED)


def remember(misfiled: pd.DataFrame, store: Store, now: datetime) -> pd.DataFrame:
    """Return those of misfiled pictures (digest, category, like) that are new, once the store knows them.

    Pictures that somebody accepted are known, so they are not new.
    """
    known = known_misfiled(store)
    new = misfiled[~is_among(misfiled, known)]
    if len(new):
        rows = new.assign(first_seen=now, accepted=False)
        _write(store, stacked(known, rows))
    return new


def accept(store: Store, digest: str, category: str) -> bool:
    """Accept a picture as what its list says, from the next run on; return whether it was called misfiled.

    The store must be held.
    """
    known = known_misfiled(store)
    is_accepted_now = (known["digest"] == digest) & (known["category"] == category) & ~known["accepted"]
    if is_accepted_now.any():
        _write(store, known.assign(accepted=known["accepted"] | is_accepted_now))
    return bool(is_accepted_now.any())


def misfiled_links(links: pd.DataFrame, store: Store) -> pd.DataFrame:
    """Return the links that show misfiled pictures, and what those are like: digest, category, url, like."""
    rows = links.loc[links["reason"] == Reason.MISFILED, ["digest", "category", "url"]]
    return rows.merge(known_misfiled(store)[["digest", "category", "like"]], on=["digest", "category"], how="left")


def is_among(rows: pd.DataFrame, pictures: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which of N rows (digest, category) are among some pictures (digest, category): (N,)."""
    keys = ["digest", "category"]
    result = np.array(is_in(rows["digest"], pictures["digest"]))
    few = pd.MultiIndex.from_frame(rows.loc[result, keys])
    result[result] = few.isin(pd.MultiIndex.from_frame(pictures[keys]))
    return result


def _write(store: Store, table: pd.DataFrame) -> None:
    store.tables.write("links/misfiled.parquet", table, MISFILED)
