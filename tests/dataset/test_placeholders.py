"""What many links show in place of photos that are gone is found, and known from then on."""

import io
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from regraft.dataset.placeholders import (
    NO_PHOTOS,
    PLACEHOLDERS,
    find_placeholders,
    known_placeholders,
    learn_placeholders,
    link_of,
    placeholders_in_force,
    shares_bytes,
    shows_placeholder,
)
from regraft.menagerie.drawing import encoded
from regraft.menagerie.odd_pictures import unavailable_png
from regraft.pictures.judge import Picture, judge
from regraft.pictures.limits import Limits
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


PHOTO_BYTES = 5_000
"""Of a picture of 99 x 99 pixels: it looks like a photograph."""


@pytest.mark.parametrize(
    ("urls", "are_one_link"),
    [
        (["http://x.org/a.jpg", "https://x.org/a.jpg", "http://www.x.org/a.jpg", "https://WWW.x.org/a.jpg"], True),
        ([f"http://farm{number}.static.x.com/a.jpg" for number in range(1, 9)], True),
        ([f"http://{number}.bp.x.com/a.jpg" for number in range(1, 9)], True),
        (
            ["http://www2.x.org/a.jpg", "http://x.org/a.jpg", "http://img03.x.org/a.jpg", "http://img.x.org/a.jpg"],
            False,
        ),
        ([f"http://x.org/a.jpg?id={number}" for number in range(4)], False),
        ([f"http://x{number}.org/a.jpg" for number in range(4)], False),
        ([f"http://10.0.0.{number}/a.jpg" for number in range(4)], False),
        ([f"http://[::{number}]/a.jpg" for number in range(4)], False),
    ],
)
def test_urls_of_one_link_count_once(urls: list[str], are_one_link: bool) -> None:
    assert (len({link_of(url) for url in urls}) == 1) == are_one_link
    if are_one_link:
        assert not any(placeholders_in(memory(*(link(url, "same") for url in urls))))
        redirected = (link(url, f"d{i}", f"{i * 999:016x}", final_url="https://x.org/") for i, url in enumerate(urls))
        assert not any(placeholders_in(memory(*redirected)))


def test_a_url_that_cannot_be_read_is_its_own_link() -> None:
    assert link_of("http://[broken/a.jpg") == "http://[broken/a.jpg"


def test_a_placeholder_at_several_sizes_is_one() -> None:
    sizes = [(500, 374), (400, 299), (240, 180), (240, 180), (100, 75)]
    links = memory(*(link(f"u{i}", f"d{i}", f"{i % 2:016x}") for i in range(5)))
    links["width"], links["height"] = zip(*sizes, strict=True)
    known = find_placeholders(links, NO_PLACEHOLDERS, NOW)
    assert known[["width", "height"]].to_numpy().tolist() == [[500, 374]]
    assert shows_placeholder(links, known).all()
    later = memory(link("v", "e")).assign(width=320, height=239)
    assert shows_placeholder(later, known).all()
    assert not shows_placeholder(later.assign(width=320, height=320), known).any()


def test_drawn_placeholders_are_one_at_any_size_and_in_any_format() -> None:
    whole = Image.open(io.BytesIO(unavailable_png())).convert("RGB")
    rows = []
    for number, width in enumerate((500, 400, 320, 240, 150, 100)):
        small = whole.resize((width, round(width * whole.height / whole.width)), Image.Resampling.LANCZOS)
        for file_format in ("JPEG", "PNG"):
            data = encoded(small, file_format)
            picture = judge(data, Limits())
            assert isinstance(picture, Picture)
            rows.append((f"u{number}{file_format}", picture.phash, picture.width, picture.height, len(data)))
    links = memory(*(link(url, f"d{url}", phash) for url, phash, *_ in rows))
    links["width"], links["height"], links["bytes"] = zip(*(row[2:] for row in rows), strict=True)
    assert links[["url", "phash"]][~pd.Series(placeholders_in(links))].to_numpy().tolist() == []


def test_frames_of_a_camera_that_never_moves_are_no_placeholders() -> None:
    cameras = [f"{number * 0x1111_2222_3333:016x}" for number in (1, 5, 9, 13)]
    frames = [
        link(f"{camera}/{frame}", f"{camera}{frame}", f"{int(camera, 16) ^ (frame % 3):016x}")
        for camera in cameras
        for frame in range(12)
    ]
    assert not any(placeholders_in(memory(*frames).assign(bytes=PHOTO_BYTES)))


def test_frames_of_few_bits_are_known_by_their_one_site_and_size() -> None:
    frames = [link(f"http://cam.example/{n}.jpg", f"d{n}", f"{n % 3:016x}") for n in range(12)]
    elsewhere = [link(f"http://host{n}.example/{n}.jpg", f"d{n}", f"{n % 3:016x}") for n in range(12)]
    few_bits, of_words = (int(bits_per_pixel * 99 * 99 / 8) for bits_per_pixel in (0.3, 0.1))
    assert not any(placeholders_in(memory(*frames).assign(bytes=few_bits)))
    assert all(placeholders_in(memory(*frames).assign(bytes=of_words)))
    assert all(placeholders_in(memory(*elsewhere).assign(bytes=few_bits)))
    assert all(placeholders_in(memory(*frames[:7]).assign(bytes=few_bits)))


def test_a_placeholder_of_an_earlier_regraft_is_known_by_its_hash_of_then() -> None:
    of_then = pd.DataFrame([("", "", "f" + "0" * 15, 99, 99, NOW)], columns=PLACEHOLDERS.names)
    links = memory(link("u", "d", "7" + "0" * 15), link("v", "e", "0" * 8 + "f" * 8))
    assert shows_placeholder(links, of_then).tolist() == [True, False]


def test_what_was_wrongly_taken_for_a_placeholder_is_taken_back(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    same_bytes = memory(*(link(f"u{i}", "same", WHITE) for i in range(4)))
    varied = memory(*(link(f"v{i}", f"e{i}", f"{i % 2:016x}") for i in range(5)))
    redirected = memory(*(link(f"w{i}", f"g{i}", f"{(i + 1) * 0xFFF000:016x}", final_url="x.png") for i in range(3)))
    for links in (same_bytes, varied, redirected):
        assert shows_placeholder(links, learn_placeholders(links, store, NOW)).all()
        photo = links[NO_PHOTOS.columns].head(1)
        for _ in range(2):
            assert not shows_placeholder(links, learn_placeholders(links, store, NOW, photo)).any()
        assert not shows_placeholder(links, placeholders_in_force(store, photo)).iloc[0]
        assert shows_placeholder(links, learn_placeholders(links, store, NOW)).all(), "so it can be taken back"
    unseen = memory(*(link(f"x{i}", "unseen", "0f" * 8) for i in range(4)))
    assert shows_placeholder(unseen, learn_placeholders(unseen, store, NOW)).all()


def test_what_was_taken_back_in_an_earlier_regraft_stays_so(tmp_path: Path) -> None:
    store, links = Store(str(tmp_path)), memory(*(link(f"u{i}", "same", WHITE) for i in range(4)))
    accepted = pd.DataFrame([("same", "", "", 0, 0, NOW)], columns=PLACEHOLDERS.names)
    store.tables.write("links/no_placeholders.parquet", accepted, PLACEHOLDERS)
    assert learn_placeholders(links, store, NOW).empty
