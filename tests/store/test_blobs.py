"""Image bytes are found by their digest, or said to be damaged; never others."""

import hashlib
from pathlib import Path

import pytest

from regraft.errors import CorruptError, StoreError
from regraft.identity import Digest
from regraft.store.store import Store


def test_a_blob_is_named_by_its_digest(store: Store) -> None:
    digest = store.blobs.put(b"bytes")
    assert digest == hashlib.sha256(b"bytes").hexdigest()
    assert store.blobs.read(digest) == b"bytes"


def test_a_corrupt_blob_is_never_returned(store: Store) -> None:
    digest = store.blobs.put(b"bytes")
    store.disk.write(store.blobs.at(digest).path, b"other")
    with pytest.raises(CorruptError):
        store.blobs.read(digest)
    assert not store.blobs.has(digest)


def test_a_blob_that_is_gone_is_an_error_that_says_what_helps(store: Store) -> None:
    with pytest.raises(StoreError, match="run again"):
        store.blobs.read(Digest("a" * 64))


def test_what_is_not_a_digest_names_no_blob(store: Store) -> None:
    with pytest.raises(StoreError, match="not a digest"):
        store.blobs.read(Digest("../champion.json"))


def test_a_machine_without_room_nearby_does_without_it(tmp_path: Path) -> None:
    (tmp_path / "nearby").write_bytes(b"a file where a folder should be, as good as a full disk")
    blobs = Store(str(tmp_path / "store"), nearby=str(tmp_path / "nearby")).blobs
    assert blobs.read(blobs.put(b"bytes")) == b"bytes"


def test_blobs_are_gone_through_one_by_one_and_deleted(store: Store) -> None:
    digests = sorted(store.blobs.put(f"picture {i}".encode()) for i in range(9))
    blobs = list(store.blobs)
    assert [blob.digest for blob in blobs] == digests
    assert {(blob.size, blob.is_whole) for blob in blobs} == {(9, True)}
    store.disk.write(blobs[0].path, b"other")
    assert not blobs[0].is_whole
    blobs[0].delete()
    assert [blob.digest for blob in store.blobs] == digests[1:]
