"""A table that changes from run to run proves its bytes and its place: no flipped bit and no copy is believed."""

import contextlib
import io

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from regraft.errors import CorruptError
from regraft.store.seal import KEY, UNSEALED, check_seal, sealed
from regraft.store.store import Store
from regraft.store.tables import parquet_of_arrow

SCHEMA = pa.schema([("url", pa.string()), ("bytes", pa.int64())])
TABLE = pd.DataFrame({"url": ["http://a.example/1.jpg", f"{KEY}\x18\x40{UNSEALED}"], "bytes": [1, 2]})
PATH = "links/table.parquet"


def test_a_sealed_table_is_read_by_whatever_reads_parquet(store: Store) -> None:
    store.tables.write(PATH, TABLE, SCHEMA)
    assert pq.read_table(io.BytesIO(store.disk.read(PATH))).to_pandas().equals(TABLE)
    assert store.tables.read(PATH, SCHEMA).equals(TABLE)


@pytest.mark.parametrize("store", ["memory"], indirect=True)  # what is read back is the same from every disk
def test_every_flipped_byte_is_noticed(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    store.tables.write(PATH, TABLE, SCHEMA)
    data = store.disk.read(PATH)
    believed = []
    for place in range(len(data)):
        flipped = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        store.disk.write(PATH, flipped)
        with contextlib.suppress(CorruptError):
            believed += [] if store.tables.read(PATH, SCHEMA).equals(TABLE) else [place]
    assert believed == [], f"of {len(data)} bytes"
    assert len(store.tables.read_if_sound(PATH, SCHEMA)) == 0
    assert f"{PATH} in the store" in caplog.text


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_a_table_that_was_cut_is_damaged_and_not_empty(store: Store, cut: int) -> None:
    store.tables.write(PATH, TABLE, SCHEMA)
    store.disk.write(PATH, store.disk.read(PATH)[:cut])
    with pytest.raises(CorruptError, match="is damaged"):
        store.tables.read(PATH, SCHEMA)


def test_tables_from_before_there_were_seals_are_read(store: Store) -> None:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(TABLE, schema=SCHEMA, preserve_index=False), file)
    check_seal(file.getvalue(), PATH)
    store.disk.write(PATH, file.getvalue())
    assert store.tables.read(PATH, SCHEMA).equals(TABLE)


def test_no_table_is_taken_for_another_of_the_same_columns(store: Store) -> None:
    other = "links/another.parquet"
    store.tables.write(PATH, TABLE, SCHEMA)
    store.disk.write(other, store.disk.read(PATH))
    with pytest.raises(CorruptError, match=f"{other} .* is damaged .it is a copy of {PATH}"):
        store.tables.read(other, SCHEMA)
    with pytest.raises(CorruptError, match=f"it is a copy of {PATH}"):
        store.tables.read_arrow(other)
    assert store.tables.damage(other) == f"it is a copy of {PATH}"
    assert store.tables.damage(PATH) == ""


def test_a_seal_from_before_it_held_a_path_is_good_for_any(store: Store) -> None:
    table = pa.Table.from_pandas(TABLE, schema=SCHEMA, preserve_index=False)
    store.disk.write(PATH, sealed(parquet_of_arrow(table, {KEY: UNSEALED})))
    assert store.tables.read(PATH, SCHEMA).equals(TABLE)


def test_a_table_that_is_not_there_is_empty(store: Store) -> None:
    assert list(store.tables.read(PATH, SCHEMA).columns) == SCHEMA.names
