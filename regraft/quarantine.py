"""Links that show another picture than the one they are known for: not learnt from until somebody accepts it."""

import pandas as pd

from regraft.errors import LinkError
from regraft.links import shard_of
from regraft.store import Store


def accept(store: Store, url: str) -> None:
    """Let the next run learn from what a replaced link shows now.

    Raises LinkError where the link is not known or not replaced, LockedError while a run is under way.
    """
    with store.held():
        shard = shard_of(url)
        table = store.links(shard)
        rows = table["url"] == url
        if not rows.any():
            raise LinkError(f"{url} is in no list that {store.url} knows; nothing was changed.")
        rows &= table["replaced_at"].notna()
        if not rows.any():
            raise LinkError(f"{url} shows the picture that it is known for; there is nothing to accept.")
        table.loc[rows, "trusted_digest"] = table.loc[rows, "digest"]
        table.loc[rows, "trusted_phash"] = table.loc[rows, "phash"]
        table.loc[rows, "replaced_at"] = pd.NaT
        store.put_links(shard, table)
