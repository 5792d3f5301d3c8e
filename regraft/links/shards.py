"""Where what is known of a link lies: in its host's lane, and there in its URL's shard.

One process at a time asks the hosts of a lane, so whatever holds for a host within a process holds over a cluster too.
"""

import logging
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import replace

import pandas as pd

from regraft.errors import CorruptError
from regraft.links.guests import bring_home
from regraft.links.lanes import lane_of, number_of
from regraft.links.memory import all_known_links, put_links, remembered_links
from regraft.store.layout import (
    COPY,
    FORMAT,
    FORMAT_0_NAME,
    Layout,
    checked_layout,
    copied_layout,
    home_of,
    put_layout,
)
from regraft.store.root import LINKS
from regraft.store.store import Store
from regraft.verdicts import Reason
from regraft.web.urls import requested_host_of

LANES = 16
"""Lanes of a store; enough for some machines."""
LANES_OF_A_SMALL_STORE, LANES_OF_A_LARGE_STORE = 4, 64
SMALL, LARGE = 10_000, 1_000_000
"""Links up to which a store is small, and from which on it is large."""
LINKS_PER_SHARD = 4_000
"""Some megabytes of memory, and some seconds of work that a killed run has to do again."""
NO_PICTURE = (Reason.TRUNCATED, Reason.NOT_AN_IMAGE)
"""Why bytes were no picture to an earlier Regraft, and may be one today."""
log = logging.getLogger("regraft")


def place_of(url: str, layout: Layout) -> tuple[int, int]:
    """Return the lane that a link belongs to, and its shard there, both counted from 0."""
    lane = lane_of(url, layout)
    return lane, number_of(url) % layout.shards[lane]


def path_of(url: str, layout: Layout) -> str:
    """Return the path of the file that a link's shard lies in."""
    return layout.path(*place_of(url, layout))


def lanes_for(links: int) -> int:
    """Return how many lanes a new store for so many links has: each costs a run a few requests of a bucket."""
    if links < SMALL:
        return LANES_OF_A_SMALL_STORE
    return LANES if links < LARGE else LANES_OF_A_LARGE_STORE


def layout_for(urls: Collection[str], spread: Iterable[str], now: Layout | None) -> Layout:
    """Return the layout for distinct links: the one that the store has `now`, if that is of this format and fits.

    It fits where it spreads these hosts, has lanes enough, and gives no shard more than twice LINKS_PER_SHARD links.
    """
    lanes = lanes_for(len(urls))
    if now is not None and now.format == FORMAT:
        lanes = max(lanes, len(now.shards))
    hosts = {requested_host_of(f"http://{host}/") for host in spread}  # as lanes know them
    empty = Layout((1,) * lanes, tuple(sorted(hosts)))
    links = Counter(lane_of(url, empty) for url in urls)
    if now is not None and replace(now, shards=empty.shards) == empty and len(now.shards) == lanes:
        is_full = any(links[lane] > 2 * LINKS_PER_SHARD * shards for lane, shards in enumerate(now.shards))
        if not is_full:
            return now
    return replace(empty, shards=tuple(max(1, -(-links[lane] // LINKS_PER_SHARD)) for lane in range(lanes)))


def put_in_layout(store: Store, layout: Layout) -> None:
    """Have the store keep what it knows of links in this layout. Only for the holder of its lock.

    What is known is written anew, then store.json names it, then what it was before goes: cut off at any moment, the
    store has one of the two. Needs memory for all that is known. What a run that was cut off had found of lanes' guests
    goes to their shards before.
    """
    files = store.disk.sizes(LINKS)
    bring_home(store, [path for path in files if home_of(path) != path])
    try:
        before = checked_layout(store.disk, files)
    except CorruptError as error:
        log.warning("%s It is written anew.", error)
        before = copied_layout(store.disk)
        if before is not None:
            put_layout(store.disk, before)
    is_kept_twice = before == layout and f"{layout.folder}/{COPY}" in files
    if before != layout:
        known = all_known_links(store, remembered_links)
        if before is not None and before.format == 0:
            known = _to_be_judged_again(known)
        for path, links in known.groupby(known["url"].map(lambda url: path_of(url, layout))):
            put_links(store, str(path), links)
        if before is not None:
            log.info("What is known of %s links is kept by host now, in store format %s.", len(known), layout.format)
    if not is_kept_twice:
        put_layout(store.disk, layout)
    _remove_files_of_others(store, files, layout)


def _to_be_judged_again(known: pd.DataFrame) -> pd.DataFrame:
    """What is known, without the ETags of what was no picture to format 0, which knew fewer: that is fetched again."""
    is_no_picture = known["reason"].isin(NO_PICTURE)
    return known.assign(**{name: known[name].mask(is_no_picture, "") for name in ("etag", "last_modified")})


def _remove_files_of_others(store: Store, files: Iterable[str], layout: Layout) -> None:
    """Remove those files of links that other layouts left: their folders, and the files of format 0."""
    for path in files:
        if path.startswith(f"{LINKS}/{FORMAT_0_NAME}"):
            store.disk.delete(path)
    folders = {folder for path in files if (folder := path.rpartition("/")[0]) not in (LINKS, layout.folder)}
    for folder in sorted(folders):
        store.disk.delete_folder(folder)
