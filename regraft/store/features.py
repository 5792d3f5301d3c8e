"""Features by backbone and digest: append-only parts."""

from regraft.identity import digest_of


def is_whole(data: bytes, name: str) -> bool:
    """Tell whether a part of the features holds the bytes that its name tells."""
    return _part_name(data) == name


def _part_name(data: bytes) -> str:
    return f"{digest_of(data)[:16]}.parquet"
