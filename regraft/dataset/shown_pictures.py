"""What the store knows of a picture that a link shows, found by the picture's digest."""

from collections.abc import Iterator
from functools import cache, cached_property
from typing import NamedTuple

import pandas as pd

from regraft.identity import Digest, Url
from regraft.links.memory import MEMORY, remembered_links
from regraft.links.shards import path_of
from regraft.store import versions
from regraft.store.layout import Layout
from regraft.store.store import Store
from regraft.store.tables import no_rows

MISSING = {"final_url": "", "phash": "", "width": 0, "height": 0}
"""What a `Shown` has where the columns of `links.memory.MEMORY` are null."""


class Shown(NamedTuple):
    """A picture as a link showed it."""

    final_url: str
    """Where the link led."""
    phash: str
    """The picture's perceptual hash."""
    width: int
    """In pixels."""
    height: int
    """In pixels."""


class ShownPictures:
    """The pictures of one store, for who looks many of them up: each table is read once."""

    def __init__(self, store: Store):
        self._store = store
        self._of_shard = cache(lambda path: _by_digest(remembered_links(store, path)))

    def find(self, url: Url, digest: Digest) -> Shown | None:
        """Return what is known of a picture: as the link shows it, or as one did in the newest version; None where not.

        Whoever looked at a version's picture may decide about it when the link shows another one already.
        """
        for table in self._tables(url):
            if digest in table.index:
                [row] = table.reindex([digest]).itertuples(index=False, name=None)
                return Shown(*row)
        return None

    def _tables(self, url: Url) -> Iterator[pd.DataFrame]:
        if url and self._layout:
            yield self._of_shard(path_of(url, self._layout))
        yield self._published

    @cached_property
    def _layout(self) -> Layout | None:
        return self._store.layout

    @cached_property
    def _published(self) -> pd.DataFrame:
        """What the links of the newest version showed."""
        links = versions.newest_table(self._store, "links.parquet")
        return _by_digest(no_rows(MEMORY) if links is None else links)


def _by_digest(links: pd.DataFrame) -> pd.DataFrame:
    """The first link that shows each picture, columns as in a `Shown`, indexed by digest."""
    pictures = links[links["digest"] != ""].reindex(columns=["digest", *MISSING]).drop_duplicates("digest")
    return pictures.set_index("digest").fillna(MISSING).astype({"width": int, "height": int})
