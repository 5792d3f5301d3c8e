"""A link is found by whatever a person takes for it; other links are not."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regraft.links.spellings import spelt_as

LISTED = [
    "http://example.org/a/B.jpg",
    "https://www.Example.org/dog.jpg?size=1",
    "http://bücher.example/ä b.jpg",
    "http://example.org/a/C.jpg",
    "not a url",
    "http://[::1]:99/x",
    "http://example.org:8080/a/B.jpg",
]


def meant(word: str, listed: list[str] = LISTED) -> list[str]:
    return list(spelt_as(word, pa.chunked_array([listed], pa.string())))


@pytest.mark.parametrize(
    "word",
    [
        "http://example.org/a/B.jpg",
        "https://example.org/a/B.jpg",
        "HTTP://EXAMPLE.ORG/A/b.jpg",
        "http://www.example.org/a/B.jpg",
        " http://example.org./a/B.jpg/ ",
        "example.org/a/B.jpg",
        "//example.org/a/B.jpg",
        "http://example.org:80/a/B.jpg",
        "https://example.org:443/a/B.jpg#top",
        "http://example.org/%61/B%2Ejpg",
        "http://example.org/x/../a/B.jpg",
    ],
)
def test_what_does_not_count_in_a_url(word: str) -> None:
    assert meant(word) == ["http://example.org/a/B.jpg"]


@pytest.mark.parametrize("word", ["http://xn--bcher-kva.example/%C3%A4%20b.jpg", "BÜCHER.example/ä%20b.jpg"])
def test_names_and_paths_in_any_alphabet(word: str) -> None:
    assert meant(word) == ["http://bücher.example/ä b.jpg"]


@pytest.mark.parametrize(
    "word", ["http://example.org/a", "http://example.org/a/B.jpg?x=1", "http://example.net/a/B.jpg", "", "/", "http://"]
)
def test_another_link_is_not_meant(word: str) -> None:
    assert meant(word) == []


def test_all_that_are_meant_are_named_in_order() -> None:
    listed = ["https://example.org/a", "http://example.org/b", "http://www.example.org/a/", "https://example.org/a"]
    assert meant("example.org/a", listed) == ["https://example.org/a", "http://www.example.org/a/"]


@given(st.text(), st.lists(st.text()))
def test_any_text_is_looked_for_and_looked_through(word: str, listed: list[str]) -> None:
    assert set(meant(word, listed)) <= set(listed)
