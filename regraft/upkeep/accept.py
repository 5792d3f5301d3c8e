"""Links that are not learnt from until somebody accepts what they show: replaced or misfiled pictures, placeholders."""

from datetime import UTC, datetime

import pandas as pd

from regraft.dataset import misfiled, placeholders
from regraft.errors import LinkError
from regraft.links.memory import known_links, put_links
from regraft.links.shards import path_of
from regraft.store.layout import Layout
from regraft.store.store import Store


def accept(store: Store, url: str, now: datetime | None = None) -> None:
    """Let the next run learn from the picture that a link shows now: a replaced or misfiled one, or a placeholder.

    Raises LinkError where the link is not known, or is none of these; LockedError while a run is under way.
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
        was_placeholder = placeholders.accept(store, _of_one_address(table[is_link], store), now or datetime.now(UTC))
        if not is_replaced.any() and not any(were_misfiled) and not was_placeholder:
            raise LinkError(f"{url} shows the picture that it is known for; there is nothing to accept.")
        table.loc[is_replaced, "trusted_digest"] = table.loc[is_replaced, "digest"]
        table.loc[is_replaced, "trusted_phash"] = table.loc[is_replaced, "phash"]
        table.loc[is_replaced, "replaced_at"] = pd.NaT
        put_links(store, path, table)


def _of_one_address(shown: pd.DataFrame, store: Store) -> pd.DataFrame:
    """Some links, and all that redirect to where they redirect to, if that is an address known for placeholders."""
    known = set(placeholders.known_placeholders(store)["final_url"]) - {""}
    addresses = set(shown["final_url"]) & known
    if not addresses:
        return shown
    tables = (known_links(store, path) for path in (store.layout or Layout()).paths)
    return pd.concat([shown, *(table[table["final_url"].isin(addresses)] for table in tables)], ignore_index=True)
