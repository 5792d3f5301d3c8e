"""Features by backbone and digest: append-only parts."""

import hashlib


def is_whole(data: bytes, name: str) -> bool:
    """Tell whether a part of the features holds the bytes that its name tells."""
    return _part_name(data) == name


def _part_name(data: bytes) -> str:
    return f"{hashlib.sha256(data).hexdigest()[:16]}.parquet"
