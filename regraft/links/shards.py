"""Parts of a store's memory, by URL."""

import hashlib

SHARDS = 16
"""Parts of a store's memory. Fixed: a link must be found where it was put."""


def shard_of(url: str) -> int:
    """Return the shard, 0 to SHARDS - 1, that a URL belongs to."""
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).digest()[0] % SHARDS
