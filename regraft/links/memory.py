"""The memory between runs: what is known of every link, one table a shard."""

from collections.abc import Callable

import pandas as pd
import pyarrow as pa

from regraft.store.store import Store
from regraft.store.tables import no_rows

TIME = pa.timestamp("us", tz="UTC")
CHECKED = pa.schema(
    [
        ("url", pa.string()),
        ("category", pa.string()),
        ("verdict", pa.string()),
        ("reason", pa.string()),
        ("http_status", pa.int16()),
        ("final_url", pa.string()),
        ("digest", pa.string()),
        ("bytes", pa.int64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("phash", pa.string()),
        ("etag", pa.string()),
        ("last_modified", pa.string()),
        ("attempts", pa.int16()),
        ("elapsed_s", pa.float32()),
        ("checked_at", TIME),
        ("outcome", pa.string()),
        ("first_seen", TIME),
        ("dead_since", TIME),
        ("detail", pa.string()),
    ]
)
"""What a check of a link came to: a `findings.Finding`, its verdict, and when the link was checked, first seen, and
found dead. `reason` and `digest` are "" where there is none; `dead_since` is null for a link that is not dead."""
SCHEMA = pa.schema([*CHECKED, ("refers_to", pa.string()), ("distance", pa.int16()), ("decision", pa.string())])
"""What a run knows of a link: a check, what its verdict refers to, and the decision of a person that holds for it.
`refers_to` is a digest, a placeholder's signature or "", see `dataset.references`; `distance` is in bits of 64, or
null; `decision` is an id, or ""."""
COLUMNS = SCHEMA.names
OF_AN_ARCHIVE = pa.schema([("memento", pa.string()), ("memento_at", TIME)])
"""The URL at a web archive of the picture that stands for a dead link, or "", and when the archive took it, or null.
Such a link has the outcome `archived`, and a `dead_since`: it is dead itself."""
PUBLISHED = pa.schema([*SCHEMA, *OF_AN_ARCHIVE, ("alive_since", TIME)])
"""The columns of a version's links.parquet, a contract with other programs: also since when a link has shown its photo
without a break, null where it does not."""
MEMORY = pa.schema(
    [
        *CHECKED,
        ("trusted_digest", pa.string()),
        ("trusted_phash", pa.string()),
        ("replaced_at", TIME),
        ("unchanged_since", TIME),
    ]
)
"""The columns of a shard: of each link also the picture that it is known for, since when it shows another one, null
where it does not, and since when its checks have come to the same: the same picture, or dead, or junk."""
ADDED_COLUMNS = ("detail", "unchanged_since")
"""Columns that shards of earlier versions of Regraft lack; they are read as null."""


def known_links(store: Store, path: str) -> pd.DataFrame:
    """Return what is known of the links in a shard's file, columns MEMORY. Raises CorruptError where it is damaged."""
    return store.tables.read(path, MEMORY, ADDED_COLUMNS)


def remembered_links(store: Store, path: str) -> pd.DataFrame:
    """Return what is known of the links in a shard's file; nothing, with a warning, where it is damaged."""
    return store.tables.read_if_sound(path, MEMORY, ADDED_COLUMNS)


def put_links(store: Store, path: str, table: pd.DataFrame) -> None:
    """Replace what is known of the links in a shard's file, once the blobs that they name survive a crash."""
    store.tables.write(path, table, MEMORY)


def all_known_links(store: Store, read: Callable[[Store, str], pd.DataFrame] = known_links) -> pd.DataFrame:
    """Return what is known of all links, columns MEMORY; each shard as `read` returns it."""
    layout = store.layout
    tables = [read(store, path) for path in layout.paths] if layout else []
    known = [table for table in tables if len(table)]
    return pd.concat(known, ignore_index=True) if known else no_rows(MEMORY)
