"""What a lane finds of its guests: links of other lanes that redirect to one of its hosts.

A shard is written by the tasks of its own lane alone. So what another lane finds of its links lies in a file beside it,
which only that lane writes, until the run has heard of all lanes, or until the next run begins.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from itertools import groupby

import pandas as pd

from regraft.identity import Url
from regraft.links.findings import Trail
from regraft.links.memory import put_links, remembered_links
from regraft.store.layout import home_of
from regraft.store.root import LINKS
from regraft.store.store import Store
from regraft.store.tables import is_in, stacked


def guests_by_lane(links: pd.DataFrame, trails: Mapping[Url, Trail]) -> dict[int, pd.DataFrame]:
    """Return by lane those of some links (url, category) that have a trail, with its fields: they go on there."""
    if not trails:
        return {}
    rows = pd.DataFrame([{"url": url} | asdict(trail) for url, trail in trails.items()])
    guests = links[["url", "category"]].merge(rows, on="url")
    return {int(str(lane)): of_lane.reset_index(drop=True) for lane, of_lane in guests.groupby("lane")}


def trails_of(links: pd.DataFrame) -> dict[str, Trail]:
    """Return how far requests have come, by URL, of links as `guests_by_lane` returns them; none of any others."""
    if "at" not in links:
        return {}
    names = [field.name for field in fields(Trail)]
    rows = links.drop_duplicates("url")
    trails = (Trail(**dict(zip(names, row, strict=True))) for row in rows[names].itertuples(index=False))
    return dict(zip(rows["url"], trails, strict=True))


def bring_home(store: Store, files: Iterable[str]) -> None:
    """Have shards remember what lanes found of their links, and remove those files. Only for the holder of its lock."""
    for path, of_shard in groupby(sorted(files), home_of):
        guests = list(of_shard)
        known = remembered_links(store, path)
        for guest in guests:
            newer = remembered_links(store, guest)
            known = stacked(newer, known[~is_in(known["url"], newer["url"])])
        put_links(store, path, known)
        for guest in guests:
            store.disk.delete(guest)


def bring_all_home(store: Store) -> None:
    """Do so with all files that a run left which was cut off. Only for the holder of the store's lock."""
    bring_home(store, [path for path in store.disk.sizes(LINKS) if home_of(path) != path])
