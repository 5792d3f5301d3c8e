"""Some rows of a large table, found without reading the rest of it."""

import io
from pathlib import Path

import pandas as pd
import pytest

from regraft.errors import CorruptError, DamagedVersionError
from regraft.identity import digest_of
from regraft.store import tables, versions
from regraft.store.row_tables import rows_among
from regraft.store.store import Store
from regraft.store.tables import OpenTable, parquet

NUMBERS = range(20_000)
ROWS = pd.DataFrame({"url": [f"u{n:05d}" for n in NUMBERS], "digest": [digest_of(b"%d" % n) for n in NUMBERS]})


class Counting(io.BytesIO):
    """A file that counts the bytes that are read of it."""

    done = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.done += len(data)
        return data


@pytest.fixture(autouse=True)
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ROWS_PER_SORTED_GROUP", 1000)


def test_rows_are_found_by_a_text() -> None:
    rows = pd.concat([ROWS, ROWS.iloc[[7]]]).assign(size=1)
    for data in (parquet(rows, sort_by="url"), parquet(rows.sample(frac=1, random_state=0))):
        found_rows = rows_among(OpenTable(io.BytesIO(data)), "url", ["u00007"], ["url", "size", "added"])
        assert found_rows[["url", "size"]].to_numpy().tolist() == [["u00007", 1]] * 2
        assert found_rows["added"].isna().all()
        assert rows_among(OpenTable(io.BytesIO(data)), "url", ["z"], ["url"]).empty


def test_of_a_sorted_table_little_is_read() -> None:
    file = Counting(parquet(ROWS, sort_by="url"))
    assert rows_among(OpenTable(file), "url", ["u00123"], ["digest"])["digest"].tolist() == [digest_of(b"123")]
    assert file.done < len(file.getvalue()) / 4


def test_no_damage_of_what_is_read_goes_unnoticed() -> None:
    data = parquet(ROWS, sort_by="url")
    expected = rows_among(OpenTable(io.BytesIO(data)), "url", ["u00003"], ["digest"])
    outcomes = set()
    for place in range(0, len(data), len(data) // 200):
        damaged = bytearray(data)
        damaged[place] ^= 0xFF
        try:
            rows = rows_among(OpenTable(io.BytesIO(bytes(damaged))), "url", ["u00003"], ["digest"])
        except CorruptError:
            outcomes.add("noticed")
            continue
        if place < len(data) // 2:  # behind that lies the footer, whose statistics have no digest
            pd.testing.assert_frame_equal(rows, expected)
            outcomes.add("not read")
    assert outcomes == {"noticed", "not read"}


@pytest.mark.parametrize("scheme", ["", "local://"])
def test_rows_of_a_version_are_read_wherever_it_lies(tmp_path: Path, scheme: str) -> None:
    store = Store(f"{scheme}{tmp_path}/store")
    version = versions.publish(store, "20260101T000000Z", {"links.parquet": parquet(ROWS), "run.json": b"{}"})
    assert version.rows("links.parquet", "url", ["u00007"], ["url"])["url"].tolist() == ["u00007"]
    with pytest.raises(DamagedVersionError, match=r"no other\.parquet"):
        version.rows("other.parquet", "url", ["u00007"], ["url"])
    store.disk.write(f"{version.path}/links.parquet", b"nonsense")
    with pytest.raises(DamagedVersionError, match=r"links\.parquet of version 20260101T000000Z is damaged"):
        version.rows("links.parquet", "url", ["u00007"], ["url"])
