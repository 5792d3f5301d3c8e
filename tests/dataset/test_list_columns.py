"""What lists say of a link travels to the picture that the link shows, as of the first of its links."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from regraft.dataset.list_columns import list_columns, names_of_list_columns
from regraft.store.drafts import Drafts
from regraft.store.store import Store


@pytest.fixture
def drafts(tmp_path: Path) -> Drafts:
    return Store(str(tmp_path)).drafts


def pictures(**category_and_urls: tuple[str, list[str]]) -> pd.DataFrame:
    rows = [(digest, category, urls) for digest, (category, urls) in category_and_urls.items()]
    return pd.DataFrame(rows, columns=["digest", "category", "urls"])


def test_a_picture_has_the_row_of_its_first_link(drafts: Drafts) -> None:
    cats = pa.table({"url": ["a", "b", "c", "both"], "licence": ["A", None, "C", "cat's"], "id": [1, 2, 2**60, 4]})
    tigers = pa.table({"url": ["t", "both"], "LICENCE": ["T", "tiger's"], "id": ["x", "y"], "zoo": [True, False]})
    manifest = pictures(
        first=("cat", ["c", "a"]), second=("tiger", ["both"]), third=("tiger", ["a"]), last=("lion", ["l"])
    )
    lists = {"cat": drafts.put_arrow(cats), "tiger": drafts.put_arrow(tigers)}
    table = list_columns(manifest, lists, drafts)
    assert table.to_pydict() == {
        "licence": ["C", "tiger's", "A", None],
        "id": [str(2**60), "y", "1", None],
        "zoo": [None, False, None, None],
    }


def test_lists_without_columns_add_none(drafts: Drafts) -> None:
    table = list_columns(pictures(first=("cat", ["c"])), {}, drafts)
    assert table.column_names == []
    assert names_of_list_columns(["digest", "category", "doubtful"]) == []


def test_rows_come_from_every_part_of_a_large_list(drafts: Drafts) -> None:
    count = 200_000
    urls = [str(number) for number in range(count)]
    lists = {"cat": drafts.put_arrow(pa.table({"url": urls, "number": range(count)}))}
    wanted = [199_999, 0, 65_536, 65_535, 7]
    manifest = pd.DataFrame({"category": "cat", "urls": [[str(number)] for number in wanted]})
    assert list_columns(manifest, lists, drafts)["number"].to_pylist() == wanted
