"""How long links have lived until the newest version: as its lives.parquet says, or as older versions tell."""

from collections.abc import Iterator

import pandas as pd

from regraft.errors import VersionError
from regraft.links.lifetimes import lives_over
from regraft.store import versions
from regraft.store.store import Store
from regraft.store.version import Version

COLUMNS = ["url", "category", "reason", "outcome", "first_seen", "checked_at"]
MAX_VERSIONS = 90
"""Versions from before there was a lives.parquet that are read, once."""


def lives_until_now(store: Store) -> pd.DataFrame | None:
    """Return the lives that the newest version knows of, columns lifetimes.LIVES; None where there is no version."""
    known = versions.newest_table(store, "lives.parquet")
    return known if known is not None else lives_over(_links_of_versions(store))


def _links_of_versions(store: Store) -> Iterator[pd.DataFrame]:
    """The links of the newest versions, the oldest first; those of damaged versions are left out."""
    for name in versions.names(store)[-MAX_VERSIONS:]:
        try:
            yield Version(store, name).table("links.parquet", COLUMNS)
        except VersionError:
            continue
