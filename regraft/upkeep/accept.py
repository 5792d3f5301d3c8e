"""Links that are not learnt from until somebody accepts what they show: replaced and misfiled pictures."""

import pandas as pd

from regraft.dataset import misfiled
from regraft.errors import LinkError
from regraft.links.memory import known_links, put_links
from regraft.links.shards import shard_of
from regraft.store.store import Store


def accept(store: Store, url: str) -> None:
    """Let the next run learn from what a replaced or misfiled link shows now.

    Raises LinkError where the link is not known or neither, LockedError while a run is under way.
    """
    with store.held():
        shard = shard_of(url)
        table = known_links(store, shard)
        rows = table["url"] == url
        if not rows.any():
            raise LinkError(f"{url} is in no list that {store.url} knows; nothing was changed.")
        shown = zip(table.loc[rows, "digest"], table.loc[rows, "category"], strict=True)
        misfiled_here = [misfiled.accept(store, digest, category) for digest, category in shown]
        rows &= table["replaced_at"].notna()
        if not rows.any() and not any(misfiled_here):
            raise LinkError(f"{url} shows the picture that it is known for; there is nothing to accept.")
        table.loc[rows, "trusted_digest"] = table.loc[rows, "digest"]
        table.loc[rows, "trusted_phash"] = table.loc[rows, "phash"]
        table.loc[rows, "replaced_at"] = pd.NaT
        put_links(store, shard, table)
