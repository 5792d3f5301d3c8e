"""What is known of links lies in the store, one table a shard."""

from pathlib import Path

import pandas as pd
import pytest

from regraft.links.memory import MEMORY, known_links, put_links
from regraft.links.shards import SHARDS, shard_of
from regraft.store.store import Store
from tests.links.checks import PHOTO, memories


def test_what_was_put_is_known(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    [memory] = memories(PHOTO)
    put_links(store, 3, memory)
    pd.testing.assert_frame_equal(known_links(Store(str(tmp_path)), 3), memory)
    assert known_links(store, 4).empty


@pytest.mark.parametrize("damage", [b"", b"PAR1 nonsense"])
def test_a_memory_that_cannot_be_read_is_an_empty_one(tmp_path: Path, damage: bytes) -> None:
    store = Store(str(tmp_path))
    store.disk.write("links/shard-0003.parquet", damage)
    known = known_links(store, 3)
    assert (len(known), known.columns.tolist()) == (0, MEMORY.names)


def test_a_url_is_always_in_the_same_shard() -> None:
    # Pinned: what a store knows is found where it was put.
    assert [shard_of(f"http://photos.example/{i}.jpg") for i in range(6)] == [10, 15, 13, 14, 2, 15]
    assert {shard_of(f"http://photos.example/{i}.jpg") for i in range(999)} == set(range(SHARDS))
