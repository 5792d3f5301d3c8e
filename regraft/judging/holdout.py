"""The images that candidate and champion are compared on: the test split, and those of earlier runs whose links died.

An image's bytes stay in the store when its link is gone, and its split and label are drawn from its digest. So the
holdout only grows, and a champion is still judged on what it was judged on when it was promoted.
"""

from typing import Any

import numpy as np
import pandas as pd

from regraft.config import ScreenSettings
from regraft.dataset.honouring import NO_RULINGS, Rulings
from regraft.links.rehash import with_current_hashes
from regraft.pictures.near import clusters
from regraft.store import versions
from regraft.store.store import Store
from regraft.store.tables import is_in
from regraft.targets.labelling import Labelling
from regraft.verdicts import Reason, Verdict

COLUMNS = ["digest", "category", "phash", "label"]


def holdout(
    manifest: pd.DataFrame,
    links: pd.DataFrame,
    labelling: Labelling,
    settings: ScreenSettings,
    store: Store,
    rulings: Rulings = NO_RULINGS,
) -> pd.DataFrame:
    """Return the images to compare on, columns COLUMNS: this run's test split first, then what earlier runs held out.

    Of the earlier ones those are left out that links now show to be junk (their owners opted out, say), that a person
    rejected, whose bytes are gone, whose length is not known any more, or that are near-duplicates of an image that
    this run trains on.
    """
    test = manifest[COLUMNS][manifest["split"] == "test"]
    earlier = rulings.relisted(_earlier(store))
    junk = links["digest"][links["verdict"] == Verdict.JUNK]
    earlier = earlier[~is_in(earlier["digest"], pd.concat([manifest["digest"], junk]))]
    images = zip(earlier["category"], earlier["digest"], strict=True)
    earlier = earlier[np.array([labelling.is_test(category, digest) for category, digest in images], dtype=bool)]
    earlier = earlier[is_in(earlier["digest"], store.blobs.among(earlier["digest"]))]
    if earlier.empty:
        return test.reset_index(drop=True)
    earlier = with_current_hashes(_relabelled(earlier, labelling, test["label"].dtype), store.blobs)
    earlier = earlier[~_have_near_duplicates(earlier, manifest[manifest["split"] != "test"], settings.near)]
    return pd.concat([test, earlier], ignore_index=True)


def misfiled_of_test_split(links: pd.DataFrame, labelling: Labelling) -> pd.DataFrame:
    """Return the misfiled pictures that would have been in the test split: digest, category, label.

    The metrics leave them out, and say beside it what they would be with them. Those whose length is not known are
    left out here too.
    """
    misfiled = links[["digest", "category"]][links["reason"] == Reason.MISFILED].drop_duplicates()
    rows = [
        (digest, category, labelling.label(category, digest))
        for digest, category in zip(misfiled["digest"], misfiled["category"], strict=True)
        if labelling.split(category, digest) == "test"
    ]
    return pd.DataFrame(rows, columns=["digest", "category", "label"]).dropna()


def _earlier(store: Store) -> pd.DataFrame:
    """The holdout of the newest version whose holdout can be read; empty where there is none."""
    newest = versions.newest_table(store, "holdout.parquet")
    return pd.DataFrame(columns=COLUMNS) if newest is None else newest[COLUMNS]


def _relabelled(rows: pd.DataFrame, labelling: Labelling, dtype: Any) -> pd.DataFrame:
    """The rows with the labels that they have by today's config; without those that have none."""
    labels = [
        labelling.label(category, digest, label)
        for category, digest, label in zip(rows["category"], rows["digest"], rows["label"], strict=True)
    ]
    return rows.assign(label=np.array(labels, dtype=object)).astype({"label": dtype}).dropna(subset=["label"])


def _have_near_duplicates(rows: pd.DataFrame, trained: pd.DataFrame, max_bits: int) -> "pd.Series[bool]":
    """Which images have a near-duplicate among those trained on."""
    both = pd.concat([rows[["digest", "phash"]], trained[["digest", "phash"]]], ignore_index=True)
    leaders = clusters(both["phash"], both["digest"], max_bits)
    of_trained = set(leaders.iloc[len(rows) :])
    return pd.Series(leaders.iloc[: len(rows)].isin(of_trained).to_numpy(dtype=bool), index=rows.index)
