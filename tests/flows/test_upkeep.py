"""Upkeep as Prefect flows."""

from pathlib import Path

import pytest

from regraft.errors import CorruptError
from regraft.store.store import Store


@pytest.mark.usefixtures("prefect_server")
def test_a_damaged_store_fails_its_flow_with_what_is_damaged(tmp_path: Path) -> None:
    from regraft.flows.upkeep import verify

    store = Store(str(tmp_path))
    blobs = [store.blobs.at(store.blobs.put(data)) for data in (b"whole", b"damaged")]
    assert verify(str(tmp_path)) == 2
    store.disk.write(blobs[1].path, b"rot")
    with pytest.raises(CorruptError) as failure:
        verify(str(tmp_path))
    first = f"The first is {blobs[1].path}: its bytes are not what its name says"
    assert str(failure.value) == f"1 of 2 files in {tmp_path} are damaged. {first}"
