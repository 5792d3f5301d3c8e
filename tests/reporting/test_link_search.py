"""Links that are looked for in a table of many groups of rows, and pictures that are like another."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from regraft.errors import CorruptError
from regraft.identity import Digest
from regraft.reporting.likeness import look_alikes, neighbours
from regraft.reporting.link_search import LinkSearch, LinkTable
from regraft.store.store import Store
from regraft.store.tables import OpenTable
from regraft.verdicts import Verdict


def opened(folder: Path, table: pd.DataFrame) -> OpenTable:
    """A table in groups of three rows."""
    pq.write_table(pa.Table.from_pandas(table), folder / "table.parquet", row_group_size=3)
    return OpenTable(folder / "table.parquet")


@pytest.fixture
def links(tmp_path: Path) -> LinkTable:
    rows = [
        (f"http://{'ab'[i % 2]}.example/{i}.jpg", "cat", *state, digest, phash)
        for i, (state, digest, phash) in enumerate(
            [
                (("alive", "", "fetched"), "d0", "0" * 16),
                (("dead", "gone", "fetched"), "", ""),
                (("alive", "", "not_modified"), "d1", "0" * 15 + "1"),
                (("junk", "duplicate", "fetched"), "d0", "0" * 16),
                (("alive", "", "archived"), "d2", "5" * 16),
                (("junk", "misfiled", "fetched"), "d3", "f" * 8 + "0" * 8),
                (("alive", "", "fetched"), "d4", "0" * 15 + "3"),
            ]
        )
    ]
    columns = ["url", "category", "verdict", "reason", "outcome", "digest", "phash"]
    return LinkTable(opened(tmp_path, pd.DataFrame(rows, columns=columns)))


@pytest.mark.parametrize(
    ("search", "rows"),
    [
        (LinkSearch(), [0, 1, 2, 3, 4, 5, 6]),
        (LinkSearch(verdict=Verdict.JUNK), [3, 5]),
        (LinkSearch(reason="gone"), [1]),
        (LinkSearch(reason="archived"), [4]),
        (LinkSearch(reason="alive"), [0, 2, 6]),
        (LinkSearch(host="b.example"), [1, 3, 5]),
        (LinkSearch(host="B.example."), [1, 3, 5]),
        (LinkSearch(host="example"), []),
        (LinkSearch(text="/5.JPG"), [5]),
        (LinkSearch(text="D0"), [0, 3]),
        (LinkSearch(digests=frozenset(["d0", "d4"])), [0, 3, 6]),
        (LinkSearch(once=True), [0, 2, 4, 5, 6]),
        (LinkSearch(category="dog"), []),
        (LinkSearch(refers_to="d0"), []),
    ],
)
def test_links_are_looked_for(links: LinkTable, search: LinkSearch, rows: list[int]) -> None:
    assert links.rows(search).tolist() == rows
    assert links.find(search, ["url"])["url"].str.extract(r"/(\d)")[0].astype(int).tolist() == rows


@pytest.mark.parametrize("host", ["bücher.example", "BÜCHER.EXAMPLE", "xn--bcher-kva.example."])
def test_a_host_is_found_however_a_link_writes_it(tmp_path: Path, host: str) -> None:
    urls = [
        "http://bücher.example/1.jpg",
        "HTTP://XN--BCHER-KVA.example:80/2.jpg",
        "http://b%C3%BCcher.example/3.jpg",
        "http://a.example/bücher.example",
        "https://xn--bcher-kva.example?5",
        "http://[broken",
    ]
    links = LinkTable(opened(tmp_path, pd.DataFrame({"url": urls})))
    assert links.rows(LinkSearch(host=host)).tolist() == [0, 1, 2, 4]


def test_a_column_that_the_table_lacks_is_null(links: LinkTable) -> None:
    shown = links.find(LinkSearch(), ["digest", "distance"], limit=2)
    assert shown["digest"].tolist() == ["d0", ""]
    assert shown["distance"].isna().all()


def test_links_are_counted_over_all_groups(links: LinkTable) -> None:
    counts = links.counts().set_index("reason")
    assert (counts["links"]["alive"], counts["links"]["archived"]) == (3, 1)
    assert (counts["links"]["gone"], counts["pictures"]["gone"]) == (1, 0)
    assert counts["links"].sum() == len(links) == 7


def test_what_looks_the_same_is_told_nearest_first_and_mirrored_too(links: LinkTable) -> None:
    alike = look_alikes(links, "d0", "0" * 16, limit=9)
    assert dict(zip(alike["digest"], alike["bits"], strict=True)) == {"d2": 0, "d1": 1, "d4": 2}
    assert look_alikes(links, "d0", "0" * 16, limit=1)["digest"].tolist() == ["d2"]


def test_neighbours_are_the_nearest_by_features(tmp_path: Path) -> None:
    digests = [Digest(f"{i:064x}") for i in range(5)]
    store = Store(str(tmp_path / "store"))
    angles = np.array([0.0, 0.2, 3.0, 0.4])
    store.features.append("net", digests[:4], np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32))
    manifest = opened(tmp_path, pd.DataFrame({"digest": digests, "category": "cat", "split": "train"}))
    near = neighbours(manifest, store.features, "net", digests[0], limit=2)
    assert near["digest"].tolist() == [digests[1], digests[3]]
    assert near["cosine"].is_monotonic_decreasing
    assert neighbours(manifest, store.features, "net", digests[4], limit=2).empty, "its features are not known"


def test_a_damaged_table_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "table.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(CorruptError):
        OpenTable(tmp_path / "table.parquet")
