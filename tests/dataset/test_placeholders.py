"""What many links show in place of photos that are gone is found, and known from then on."""

from pathlib import Path

import pandas as pd

from regraft.dataset.placeholders import (
    find_placeholders,
    known_placeholders,
    learn_placeholders,
    shares_bytes,
    shows_placeholder,
)
from regraft.store.store import Store
from tests.dataset.shown import NO_PLACEHOLDERS, NOW, WHITE, link, memory


def placeholders_in(links: pd.DataFrame) -> list[bool]:
    """Which links show a placeholder that their own table gives away."""
    return shows_placeholder(links, find_placeholders(links, NO_PLACEHOLDERS, NOW)).tolist()


def test_a_picture_behind_four_links_is_a_placeholder_and_one_behind_three_is_not() -> None:
    assert placeholders_in(memory(*(link(f"u{i}", "same") for i in range(4)))) == [True] * 4
    assert placeholders_in(memory(*(link(f"u{i}", "same") for i in range(3)))) == [False] * 3


def test_a_photograph_is_copied_more_often_than_a_picture_of_words() -> None:
    for count, is_placeholder in ((7, False), (8, True)):
        photos = memory(*(link(f"u{i}", "same") for i in range(count))).assign(bytes=5_000)
        assert placeholders_in(photos) == [is_placeholder] * count


def test_an_address_that_three_links_redirect_to_shows_a_placeholder() -> None:
    for count, is_placeholder in ((2, False), (3, True)):
        links = memory(*(link(f"u{i}", f"d{i}", f"{i * 999:016x}", final_url="gone.png") for i in range(count)))
        assert placeholders_in(links) == [is_placeholder] * count


def test_a_placeholder_whose_bytes_vary_is_found_and_known_from_the_first_link_on() -> None:
    varied = memory(*(link(f"v{i}", f"e{i}", f"{i % 2:016x}") for i in range(5)))
    known = find_placeholders(varied, NO_PLACEHOLDERS, NOW)
    assert known["phash"].tolist() == ["0" * 16]
    later = memory(link("w", "other", "0" * 16), link("x", "another", WHITE))
    assert shows_placeholder(later, known).tolist() == [True, False]


def test_near_duplicates_of_another_size_are_no_placeholder() -> None:
    links = memory(*(link(f"u{i}", f"d{i}") for i in range(6)))
    assert not any(placeholders_in(links.assign(width=range(100, 106))))


def test_the_store_learns_a_placeholder_once(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    links = memory(*(link(f"u{i}", "same") for i in range(4)))
    assert learn_placeholders(links, store, NOW)["digest"].tolist() == ["same"]
    assert learn_placeholders(links, store, NOW)["digest"].tolist() == ["same"]
    assert known_placeholders(Store(str(tmp_path)))["first_seen"].tolist() == [NOW]


def test_links_without_a_picture_share_no_bytes() -> None:
    links = memory(link("u", "same"), link("v", "same"), link("w", ""), link("x", ""))
    assert shares_bytes(links).tolist() == [True, True, False, False]
