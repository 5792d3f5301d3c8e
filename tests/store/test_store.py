"""The store keeps what it is given, or says what is wrong."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from regraft.errors import CorruptError, LockedError, StoreError, VersionError
from regraft.store import versions
from regraft.store.store import Store


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store") if request.param == "local" else f"memory://{tmp_path.name}")


def test_a_blob_is_named_by_its_digest(store: Store) -> None:
    digest = store.blobs.put(b"bytes")
    assert digest == hashlib.sha256(b"bytes").hexdigest()
    assert store.blobs.read(digest) == b"bytes"


def test_a_corrupt_blob_is_never_returned(store: Store) -> None:
    digest = store.blobs.put(b"bytes")
    store.disk.write(f"blobs/{digest[:2]}/{digest[2:]}", b"other")
    with pytest.raises(CorruptError):
        store.blobs.read(digest)
    assert not store.blobs.has(digest)


def test_features_are_found_again_and_a_damaged_part_counts_as_unknown(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    rows = np.arange(6, dtype=np.float32).reshape(2, 3)
    store.features.append("fp", ["a", "b"], rows)
    [part] = store.disk.names("features/fp")
    store.features.append("fp", ["c"], rows[:1])
    [other] = set(store.disk.names("features/fp")) - {part}
    flipped = bytearray(store.disk.read(f"features/fp/{other}"))
    flipped[len(flipped) // 2] ^= 1
    store.disk.write(f"features/fp/{other}", bytes(flipped))
    with caplog.at_level("WARNING", "regraft"):
        found = store.features.read("fp", ["b", "c"])
    assert f"features/fp/{other} is damaged" in caplog.text
    store.disk.write("features/fp/broken.parquet", b"PAR1 nonsense")
    found = store.features.read("fp", ["b", "c"])
    assert list(found) == ["b"]
    assert found["b"].tolist() == [3, 4, 5]


def test_a_second_run_is_refused_while_one_is_under_way(store: Store) -> None:
    with store.run(), pytest.raises(LockedError, match="under way"), Store(store.url).run():
        pass
    with store.run():
        pass


def test_a_run_that_was_cut_off_is_taken_up_by_the_next(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.run("a") as first:
        raise ZeroDivisionError
    with store.run() as second:
        assert (second.since, second.cut_off) == (first.since, "a")
    with store.run() as third:
        assert third.since > first.since
        assert not third.cut_off


def test_a_published_version_never_changes_and_the_pointer_moves_by_compare_and_swap(store: Store) -> None:
    a, b = "20260101T000000Z", "20260102T000000Z"
    versions.publish(store, a, {"run.json": b"{}", "plots/x.png": b"x"})
    versions.publish(store, b, {"run.json": b"{}"})
    with pytest.raises(StoreError, match="never changes"):
        versions.publish(store, a, {"run.json": b"{}"})
    assert versions.names(store) == [a, b]
    versions.promote(store, a, None)
    with pytest.raises(StoreError, match="left alone"):
        versions.promote(store, b, None)
    champion = versions.champion(store)
    assert champion is not None
    assert champion.name == a
    with pytest.raises(VersionError):
        versions.promote(store, "20990101T000000Z", a)


def test_a_store_that_cannot_be_written_says_so() -> None:
    with pytest.raises(StoreError, match="cannot be written"), Store("/proc/nowhere").run():
        pass
