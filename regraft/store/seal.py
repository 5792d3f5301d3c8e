"""A Parquet file that proves its own bytes and its place: its metadata hold their digest, and its path in the store.

So neither a flipped bit nor another table's file is ever believed. The digest is that of the file with zeros in the
digest's own place. So one file says all, is replaced in one step, and is read by whatever reads Parquet. Parquet's own
page checksums leave out its footer and its page headers.
"""

import re

from regraft.errors import CorruptError
from regraft.identity import DIGEST, DIGEST_DIGITS, digest_of

KEY = "regraft.digest"
"""The entry of the file's key-value metadata that holds the digest."""
UNSEALED = "0" * DIGEST_DIGITS
"""Its value before the digest is known."""
PATH_KEY = "regraft.path"
"""The entry that holds the path in the store."""
_SEAL = re.compile(re.escape(KEY).encode() + rb"\x18\x40(" + DIGEST.pattern.encode() + rb")")
"""Key and value as Thrift's compact protocol writes them: \\x18 begins a string, \\x40 is its length. A table's own
strings may look the same, and lie before it: the last one is the seal."""


def unsealed_metadata(path: str) -> dict[str, str]:
    """Return the key-value metadata that a file for a path in the store needs before it is `sealed`."""
    return {KEY: UNSEALED, PATH_KEY: path}


def sealed(data: bytes) -> bytes:
    """Return a Parquet file that has `unsealed_metadata`, with its digest in their place."""
    start, end = _place_of_seal(data)
    return data[:start] + digest_of(data).encode() + data[end:]


def check_seal(data: bytes, path: str) -> None:
    """Raise CorruptError where the bytes are not those that were sealed, or were sealed for another path.

    Files from before there were seals pass, and seals from before they held a path are good for any. Raises whatever
    Arrow raises where they are no Parquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    metadata = pq.read_metadata(pa.BufferReader(data)).metadata or {}
    if KEY.encode() not in metadata:
        return
    start, end = _place_of_seal(data)
    if digest_of(data[:start] + UNSEALED.encode() + data[end:]).encode() != data[start:end]:
        raise CorruptError("its bytes are not those that were written")
    sealed_path = metadata.get(PATH_KEY.encode(), path.encode())
    if sealed_path != path.encode():
        raise CorruptError(f"it is a copy of {sealed_path.decode()}")


def _place_of_seal(data: bytes) -> tuple[int, int]:
    """Where the digest begins and ends."""
    seals = list(_SEAL.finditer(data))
    if not seals:
        raise CorruptError("its digest is not readable")
    return seals[-1].span(1)
