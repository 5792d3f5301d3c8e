"""Which lane a URL belongs to. Cheap to import: the processes that fetch ask where a redirect leads."""

import hashlib
from functools import lru_cache

from regraft.store.layout import Layout
from regraft.web.urls import requested_host_of


def lane_of(url: str, layout: Layout) -> int:
    """Return the lane that asks a URL's host, counted from 0; where that host is spread, the URL's own."""
    host = requested_host_of(url)
    number = number_of(url) if host in layout.spread else _number_of_host(host)
    return (number >> 32) % len(layout.shards)  # other bits than the shard's


def is_spread(url: str, layout: Layout) -> bool:
    """Return whether all lanes may ask a URL's host."""
    return requested_host_of(url) in layout.spread


def number_of(text: str) -> int:
    """Return a number of 64 bits that a text always has, drawn evenly."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "little")


_number_of_host = lru_cache(4096)(number_of)
