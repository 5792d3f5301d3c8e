"""What a list says besides URLs and lengths is kept as it is: text, whole numbers, numbers and booleans."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regraft.errors import ListError
from regraft.links import list_columns, list_table
from regraft.links.list_columns import MAX_COLUMNS, column_names, stacked, values_to_column
from regraft.links.list_header import Columns
from regraft.links.lists import Listed
from tests.links.list_files import parquet, read

A, B, C = (f"http://example.org/{name}.jpg" for name in "abc")


def columns_of(listed: Listed) -> dict[str, list[Any]]:
    return {name: listed.columns[name].to_pylist() for name in listed.columns.column_names}


def json_lines(*records: dict[str, Any]) -> str:
    return "\n".join(map(json.dumps, records))


@pytest.mark.parametrize(("name", "delimiter"), [("t.csv", ","), ("t.tsv", "\t")])
def test_cells_of_a_text_stay_text(tmp_path: Path, name: str, delimiter: str) -> None:
    rows = [
        ["licence", "url", "label", "Number", ""],
        ["CC BY", A, "1", "007", " x "],
        ["", B, "2", " ", "é"],
        ["twice", A, "3", "1", ""],
    ]
    listed = read(tmp_path, "\n".join(delimiter.join(row) for row in rows), name)
    expected = {"url": [A, B], "licence": ["CC BY", None], "Number": ["007", None], "column_3": ["x", "é"]}
    assert columns_of(listed) == expected
    assert listed.links["url"].tolist() == [A, B]


def test_a_list_without_other_columns_has_none(tmp_path: Path) -> None:
    for name, text in {"t.txt": f"{A}\n{B}\n", "t.csv": f"url,label\n{A},1\n{B},2\n"}.items():
        assert columns_of(read(tmp_path, text, name)) == {"url": [A, B]}


def test_values_of_json_keep_their_kinds(tmp_path: Path) -> None:
    records = json_lines(
        {"url": A, "id": 2**53 + 1, "score": 1, "wild": True, "tags": ["a", {"b": "é"}], "mixed": 1, "none": None},
        {"url": B, "id": None, "score": 0.5, "wild": None, "mixed": "two", "late": "x"},
        {"url": C, "score": float("nan"), "mixed": [3], "huge": 2**70},
    )
    columns = columns_of(read(tmp_path, records, "t.jsonl"))
    assert columns == {
        "url": [A, B, C],
        "id": [2**53 + 1, None, None],
        "score": [1.0, 0.5, None],
        "wild": [True, None, None],
        "tags": ['["a", {"b": "é"}]', None, None],
        "mixed": ["1", "two", "[3]"],
        "none": [None, None, None],
        "late": [None, "x", None],
        "huge": [None, None, str(2**70)],
    }


def test_half_a_character_becomes_a_question_mark_wherever_json_has_it(tmp_path: Path) -> None:
    record = {"url": f"{A}?\ud83d", "\udc00": "\ud800", "tags": [{"\udbff": "\U0001f431\udfff"}], "whole": "\U0001f431"}
    listed = read(tmp_path, json_lines(record), "t.jsonl")
    assert listed.links["url"].tolist() == [f"{A}??"]
    expected = {"url": [f"{A}??"], "?": ["?"], "tags": ['[{"?": "\U0001f431?"}]'], "whole": ["\U0001f431"]}
    assert columns_of(listed) == expected
    with pytest.raises(ListError, match=r"line 1: label '\?'"):
        read(tmp_path, json_lines({"url": A, "label": "\ud800"}), "t.jsonl")


def test_columns_of_parquet_keep_their_kinds_and_bytes_are_left_out(tmp_path: Path) -> None:
    data = parquet(
        url=[A, B],
        licence=pa.array(["CC0", None]).dictionary_encode(),
        views=pa.array([1, None], pa.uint8()),
        similarity=pa.array([0.25, float("inf")], pa.float32()),
        taken=[date(2009, 1, 2), None],
        place=[{"lat": 1.5}, None],
        jpg=[b"\xff\xd8", b""],
        image=[{"bytes": b"\xff", "path": "a"}, None],
    )
    assert columns_of(read(tmp_path, data, "t.parquet")) == {
        "url": [A, B],
        "licence": ["CC0", None],
        "views": [1, None],
        "similarity": [0.25, None],
        "taken": ["2009-01-02", None],
        "place": ['{"lat": 1.5}', None],
    }


def test_names_that_are_taken_get_a_prefix(tmp_path: Path) -> None:
    text = f"link,url,Label,width,list_width,Licence,licence\n{A},mine,lion,60,61,CC0,CC1\n"
    listed = read(tmp_path, text, "t.csv", Columns(url="link", has_lengths=False))
    expected = {
        "list_url": ["mine"],
        "list_Label": ["lion"],
        "list_width": ["60"],
        "list_list_width": ["61"],
        "Licence": ["CC0"],
        "list_licence": ["CC1"],
    }
    assert columns_of(listed) == {"url": [A]} | expected


def test_kinds_and_columns_may_differ_from_block_to_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_table, "ROWS_AT_ONCE", 1)
    records = json_lines({"url": A, "n": 1, "m": 1}, {"url": B, "n": 0.5, "m": "x"}, {"url": C, "Extra": True})
    assert columns_of(read(tmp_path, records, "t.jsonl")) == {
        "url": [A, B, C],
        "n": [1.0, 0.5, None],
        "m": ["1", "x", None],
        "Extra": [None, None, True],
    }


def test_more_columns_than_fit_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_table, "ROWS_AT_ONCE", 1)
    records = [{"url": url, **{f"{url[-5]}{number}": 1 for number in range(200)}} for url in (A, B, C)]
    assert len(columns_of(read(tmp_path, json_lines(*records), "t.jsonl"))) == 1 + MAX_COLUMNS
    monkeypatch.setattr(list_columns, "MAX_BYTES", 1000)
    listed = read(tmp_path, json_lines(*records), "t.jsonl")
    assert columns_of(listed) == {"url": [A, B, C]}
    assert listed.links["url"].tolist() == [A, B, C]


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda values: st.lists(values, max_size=2) | st.dictionaries(st.text(), values, max_size=2),
    max_leaves=4,
)


@given(st.lists(st.lists(ANY_JSON, max_size=4), max_size=3))
def test_whatever_json_holds_becomes_a_column(blocks: list[list[Any]]) -> None:
    table = stacked([pa.table({"x": values_to_column(block)}) for block in blocks])
    assert len(table) == sum(map(len, blocks))
    assert not blocks or table["x"].type in list_columns.KINDS


@given(st.lists(st.text()))
def test_names_differ_in_more_than_case(names: list[str]) -> None:
    folded = [name.casefold() for name in column_names(names)]
    assert len(folded) == len(names)
    assert len(set(folded) | list_columns.RESERVED) == len(folded) + len(list_columns.RESERVED)
