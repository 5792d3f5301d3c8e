"""Features are found again by backbone and digest; damaged ones count as unknown."""

import numpy as np
import pytest

from regraft.errors import CorruptError
from regraft.identity import Digest
from regraft.store.store import Store

ROWS = np.arange(6, dtype=np.float32).reshape(2, 3)
A, B, C, D = map(Digest, "abcd")


def test_features_are_found_again_and_a_damaged_part_counts_as_unknown(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    store.features.append("fp", [A, B], ROWS)
    [part] = store.features.parts("fp")
    store.features.append("fp", [C], ROWS[:1])
    [other] = set(store.features.parts("fp")) - {part}
    flipped = bytearray(store.disk.read(other.path))
    flipped[len(flipped) // 2] ^= 1
    store.disk.write(other.path, bytes(flipped))
    with caplog.at_level("WARNING", "regraft"):
        features = store.features.read("fp", [B, C])
    assert f"{other.path} is damaged" in caplog.text
    store.disk.write("features/fp/broken.parquet", b"PAR1 nonsense")
    features = store.features.read("fp", [B, C])
    assert list(features) == [B]
    assert features[B].tolist() == [3, 4, 5]


def test_features_of_another_backbone_are_others(store: Store) -> None:
    store.features.append("one", [A], ROWS[:1])
    store.features.append("two", [A], ROWS[1:])
    assert store.features.read("two", [A])[A].tolist() == [3, 4, 5]
    assert store.features.read("three", [A]) == {}


def test_parts_say_whose_features_they_hold_and_are_deleted(store: Store) -> None:
    store.features.append("one", [A, B], ROWS)
    store.features.append("two", [C, D], ROWS)
    first, second = store.features
    assert (first.fingerprint, first.digests(), second.digests()) == ("one", {A, B}, {C, D})
    digests, rows = first.read()
    assert (digests, rows.tolist()) == ([A, B], ROWS.tolist())
    assert first.size == len(store.disk.read(first.path))
    first.delete()
    assert list(store.features) == [second]
    store.disk.write(second.path, b"other")
    with pytest.raises(CorruptError, match="features/two"):
        second.read()
