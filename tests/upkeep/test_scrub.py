"""Tables and pages lose what was removed, and nothing else."""

from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from regraft.links.removals import Removals, hash_of_host, hash_of_link
from regraft.upkeep.scrub import EMPTY_PAGE, page_without, shows_removed, table_without

GONE, STAYS, OTHER = "a" * 64, "b" * 64, "c" * 64
PHASH = "00ff00ff00ff00ff"
URL = "http://photos.example/me.jpg"
LONG = "http://photos.example/" + "x" * 400
REMOVALS = Removals(
    pictures=frozenset({GONE}),
    phashes=(PHASH,),
    links=frozenset({hash_of_link(URL)}),
    hosts=frozenset({hash_of_host("gone.example")}),
    hosts_of_links=frozenset({hash_of_host("photos.example")}),
)


def left_of(columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """What is left of a table."""
    kept = table_without(pa.table(columns), REMOVALS)
    assert kept is not None
    assert kept.schema.names == list(columns)
    assert table_without(kept, REMOVALS) is None  # whatever was done need not be done again
    return kept.to_pydict()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("digest", GONE),
        ("url", URL),
        ("url", "HTTP://photos.example:80/./me.jpg#top"),
        ("url", "https://gone.example/any.jpg"),
        ("host", "gone.example"),
    ],
)
def test_rows_of_it_go(name: str, text: str) -> None:
    assert left_of({name: [text, "http://other.example/"], "links": [3, 4]}) == {
        name: ["http://other.example/"],
        "links": [4],
    }


def test_what_another_row_says_of_it_becomes_empty() -> None:
    columns: dict[str, list[Any]] = {
        "digest": [STAYS, OTHER],
        "final_url": [URL, "http://other.example/"],
        "refers_to": [OTHER, GONE],
        "detail": [f"the same as {GONE}", f"at {URL}"],
        "trusted_digest": [GONE, OTHER],
        "trusted_phash": [PHASH, "1111111111111111"],
    }
    assert left_of(columns) == {
        "digest": [STAYS, OTHER],
        "final_url": ["", "http://other.example/"],
        "refers_to": [OTHER, ""],
        "detail": ["", ""],
        "trusted_digest": ["", OTHER],
        "trusted_phash": ["", "1111111111111111"],
    }


def test_a_list_loses_it_and_a_cluster_gets_another_name() -> None:
    columns: dict[str, list[Any]] = {
        "digest": [GONE, OTHER, STAYS],
        "urls": [[URL], ["http://other.example/", URL], ["http://stays.example/"]],
        "cluster": [GONE, GONE, GONE],
    }
    assert left_of(columns) == {
        "digest": [OTHER, STAYS],
        "urls": [["http://other.example/"], ["http://stays.example/"]],
        "cluster": [STAYS, STAYS],
    }


def test_a_picture_known_by_its_hash_alone_goes() -> None:
    columns: dict[str, list[Any]] = {
        "digest": ["", "", OTHER],
        "phash": [PHASH, "1111111111111111", PHASH],
    }
    assert left_of(columns) == {"digest": ["", OTHER], "phash": ["1111111111111111", PHASH]}


def test_a_table_without_it_is_left_alone() -> None:
    frame = pd.DataFrame({"digest": [STAYS, None], "url": ["http://photos.example/you.jpg", None], "n": [1, 2]})
    assert table_without(pa.Table.from_pandas(frame), REMOVALS) is None
    assert table_without(pa.table({"a": pa.array([], pa.string())}), REMOVALS) is None


@pytest.mark.parametrize(
    "cell",
    [
        f'<td class="url">{URL}</td>',
        f"<td>{GONE[:8]}</td>",
        f'<td><a href="/pictures/{GONE}">it</a></td>',
        "<td>gone.example</td>",
        "<td>http://gone.example/a.jpg?b=1&amp;c=2</td>",
        f"<td>{LONG[:300]}\N{HORIZONTAL ELLIPSIS}</td>",
    ],
)
def test_a_row_of_a_page_goes(cell: str) -> None:
    page = f"<table><tr><td>first</td></tr><tr>{cell}</tr><tr><td>last</td></tr></table>"
    assert page_without(page, REMOVALS) == "<table><tr><td>first</td></tr><tr><td>last</td></tr></table>"


def test_a_page_that_cannot_do_without_it_goes_whole() -> None:
    assert page_without(f"<p>Look at {URL} first.</p>", REMOVALS) == EMPTY_PAGE
    assert not shows_removed(EMPTY_PAGE, REMOVALS)


def test_a_page_without_it_is_left_alone() -> None:
    page = f"<table><tr><td>http://photos.example/you.jpg</td><td>{STAYS[:8]}</td></tr></table><pre>{URL}</pre>"
    assert page_without(page, REMOVALS) is None  # <pre> holds the job's config
