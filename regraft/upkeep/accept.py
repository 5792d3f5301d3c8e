"""Links that are not learnt from until somebody accepts what they show: replaced and misfiled pictures."""

import pandas as pd

from regraft.dataset import misfiled
from regraft.errors import LinkError
from regraft.links.memory import known_links, put_links
from regraft.links.shards import path_of
from regraft.store.layout import Layout
from regraft.store.store import Store


def accept(store: Store, url: str) -> None:
    """Let the next run learn from the picture that a replaced or misfiled link shows now.

    Raises LinkError where the link is not known, or is neither; LockedError while a run is under way.
    """
    with store.held():
        path = path_of(url, store.layout or Layout())
        table = known_links(store, path)
        is_link = table["url"] == url
        if not is_link.any():
            raise LinkError(f"{url} is in no list that {store.url} knows; nothing was changed.")
        pictures = zip(table.loc[is_link, "digest"], table.loc[is_link, "category"], strict=True)
        were_misfiled = [misfiled.accept(store, digest, category) for digest, category in pictures]
        is_replaced = is_link & table["replaced_at"].notna()
        if not is_replaced.any() and not any(were_misfiled):
            raise LinkError(f"{url} shows the picture that it is known for; there is nothing to accept.")
        table.loc[is_replaced, "trusted_digest"] = table.loc[is_replaced, "digest"]
        table.loc[is_replaced, "trusted_phash"] = table.loc[is_replaced, "phash"]
        table.loc[is_replaced, "replaced_at"] = pd.NaT
        put_links(store, path, table)
