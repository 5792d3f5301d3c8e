"""A list may be a Parquet file, with whatever other programs have written into it."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pytest

from tests.links.list_files import links_in, parquet, parquet_of_names, read, refusal

A, B = "http://example.org/a.jpg", "http://example.org/ä.jpg"
BAD_TEXT = pa.Array.from_buffers(pa.string(), 1, pa.array([b"http://example.org/\xe4.jpg"]).buffers())
"""A column of text whose bytes are no UTF-8, as programs write it that do not check."""


def test_text_in_parquet_that_is_no_utf_8_is_read_as_lines_are(tmp_path: Path) -> None:
    assert links_in(tmp_path, parquet(url=BAD_TEXT), "t.parquet")["url"].tolist() == [B]
    data = parquet(url=[A], note=BAD_TEXT, notes=pa.ListArray.from_arrays([0, 1], BAD_TEXT))
    columns = read(tmp_path, data, "t.parquet").columns
    assert columns.to_pylist() == [{"url": A, "note": B, "notes": None}]


@pytest.mark.parametrize(
    "values",
    [
        *(pa.array([2**62], kind) for kind in (pa.timestamp("us"), pa.duration("s"))),
        pa.array([2**31 - 1], pa.date32()),
        pa.array([1], pa.timestamp("us", "Nowhere/Else")),
        pa.array([[2**62]], pa.list_(pa.timestamp("us"))),
        pa.array([2**62], pa.timestamp("us")).dictionary_encode(),
        pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]),
    ],
)
def test_a_value_in_parquet_that_python_does_not_have_is_null(tmp_path: Path, values: pa.Array) -> None:
    assert read(tmp_path, parquet(url=[A], taken=values), "t.parquet").columns.to_pylist() == [
        {"url": A, "taken": None}
    ]
    assert "row 1: label 'None' is no number" in refusal(tmp_path, parquet(url=[A], label=values), "t.parquet")
    assert "holds no link" in refusal(tmp_path, parquet(url=values), "t.parquet")


@pytest.mark.parametrize(
    "urls",
    [
        pa.array([A, B, A]).dictionary_encode(),
        pa.array([A, B], pa.large_string()),
        pa.array([A.encode(), B.encode()], pa.binary()),
        pa.array([A, B], pa.string_view()),
    ],
)
def test_every_type_of_text_in_parquet_is_read(tmp_path: Path, urls: pa.Array) -> None:
    assert links_in(tmp_path, parquet(url=urls), "anything.data")["url"].tolist() == [A, B]


def test_other_columns_of_one_name_travel_side_by_side(tmp_path: Path) -> None:
    data = parquet_of_names(["x", "url", "x"], [1], [A], ["b"])
    assert read(tmp_path, data, "t.parquet").columns.to_pylist() == [{"url": A, "x": 1, "list_x": "b"}]


def test_a_feather_file_is_refused_by_name(tmp_path: Path) -> None:
    pyarrow.feather.write_feather(pd.DataFrame({"url": [A]}), str(tmp_path / "t.feather"))
    assert "an Arrow or Feather file" in refusal(tmp_path, (tmp_path / "t.feather").read_bytes(), "t.feather")


@pytest.mark.parametrize("cut", [5, 100, 400, -9, -1])
def test_a_cut_parquet_file_is_refused(tmp_path: Path, cut: int) -> None:
    assert "is no Parquet file" in refusal(tmp_path, parquet(url=[A, B] * 50)[:cut], "t.parquet")


def test_a_parquet_file_that_unpacks_to_more_than_a_list_may_have_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regraft.links.list_table.MAX_BYTES", 1_000_000)
    assert "more than 1,000,000 bytes" in refusal(tmp_path, parquet(url=[A * 100] * 100_000), "t.parquet")
