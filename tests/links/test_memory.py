"""What is known of links lies in the store, one file a shard, by host and by URL."""

import logging
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from regraft.errors import CorruptError, StoreError
from regraft.links.lanes import is_spread
from regraft.links.memory import MEMORY, all_known_links, known_links, put_links, remembered_links
from regraft.links.shards import LANES, LINKS_PER_SHARD, layout_for, path_of, place_of, put_in_layout
from regraft.store.layout import FORMAT, LAYOUT_0, Layout
from regraft.store.store import Store
from regraft.verdicts import Reason
from tests.links.checks import PHOTO, memories

PATH = Layout().path(3, 0)


def links_of(*urls: str) -> pd.DataFrame:
    """What is known of links that all show the same."""
    [memory] = memories(PHOTO)
    return pd.concat([memory.assign(url=url) for url in urls], ignore_index=True)


def test_what_was_put_is_known(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    [memory] = memories(PHOTO)
    put_links(store, PATH, memory)
    pd.testing.assert_frame_equal(known_links(Store(str(tmp_path)), PATH), memory)
    assert known_links(store, Layout().path(4, 0)).empty


@pytest.mark.parametrize("damage", [b"", b"PAR1 nonsense"])
def test_a_damaged_memory_is_an_empty_one_for_a_run_and_an_error_for_all_others(
    tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(str(tmp_path))
    store.disk.write(PATH, damage)
    with pytest.raises(CorruptError, match=rf"{PATH} .* is damaged"):
        known_links(store, PATH)
    known = remembered_links(store, PATH)
    assert (len(known), known.columns.tolist()) == (0, MEMORY.names)
    assert "as if nothing had been remembered" in caplog.text


def test_a_link_is_always_in_the_same_place() -> None:
    # Pinned: what a store knows is found where it was put.
    urls = [f"http://host{i % 3}.example/{i}.jpg" for i in range(6)]
    layout = Layout((8,) * 16)
    assert [place_of(url, layout) for url in urls] == [(15, 1), (9, 2), (7, 4), (15, 1), (9, 2), (7, 2)]
    assert [place_of(f"http://photos.example/{i}.jpg", LAYOUT_0)[1] for i in range(6)] == [10, 15, 13, 14, 2, 15]


@pytest.mark.parametrize(
    "other", ["http://BÜCHER.example/b.jpg", "http://xn--bcher-kva.example:80/a", "http:\\\\b%C3%BCcher.example/c"]
)
def test_a_host_is_in_one_lane_however_its_name_is_written(other: str) -> None:
    layout = Layout((1,) * 64)
    assert place_of(other, layout)[0] == place_of("http://bücher.example/a.jpg", layout)[0]


def test_a_hosts_links_share_a_lane_unless_the_host_is_spread() -> None:
    urls = [f"http://{host}/{i}.jpg" for i in range(99) for host in ("Photos.example", "photos.example:8080")]
    assert len({place_of(url, Layout())[0] for url in urls}) == 1
    lanes = {place_of(url, Layout(spread=("photos.example",)))[0] for url in urls}
    assert lanes == set(range(LANES))


def test_lanes_of_spread_hosts_use_all_their_shards() -> None:
    layout = Layout((4,) * 16, ("photos.example",))
    places = {place_of(f"http://photos.example/{i}.jpg", layout) for i in range(2000)}
    assert len(places) == 16 * 4


def test_a_large_host_has_many_shards_and_the_others_stay_as_they_are() -> None:
    large = [f"http://large.example/{i}" for i in range(5 * LINKS_PER_SHARD)]
    layout = layout_for([*large, "http://small.example/1"], (), None)
    assert sorted(layout.shards) == [1] * (LANES - 1) + [5]
    assert layout_for(large[:100], (), layout) == layout, "a list that shrinks moves nothing"
    more = [f"http://large.example/{i}" for i in range(9 * LINKS_PER_SHARD)]
    assert layout_for(more, (), layout) == layout, "nor does one that grows a little"
    most = [f"http://large.example/{i}" for i in range(11 * LINKS_PER_SHARD)]
    assert max(layout_for(most, (), layout).shards) == 11


def test_a_store_of_format_0_is_brought_to_this_format_once_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(str(tmp_path))
    links = links_of(*(f"http://host{i}.example/{i}.jpg" for i in range(50)))
    for path, rows in links.groupby(links["url"].map(lambda url: path_of(url, LAYOUT_0))):
        put_links(store, str(path), rows)
    store.disk.write("links/placeholders.parquet", b"stays")
    assert store.layout == LAYOUT_0
    with caplog.at_level(logging.INFO, "regraft"):
        for _ in range(2):
            layout = layout_for(links["url"], (), store.layout)
            put_in_layout(store, layout)
    assert [record.message for record in caplog.records] == [
        f"What is known of 50 links is kept by host now, in store format {FORMAT}."
    ]
    assert Store(str(tmp_path)).layout == layout
    assert sorted(store.disk.names("links")) == sorted([layout.folder.removeprefix("links/"), "placeholders.parquet"])
    known = all_known_links(store)
    assert known.sort_values("url", ignore_index=True).equals(links.sort_values("url", ignore_index=True))
    assert {path_of(url, layout) for url in known["url"]} == set(store.disk.sizes(layout.folder)) - {
        f"{layout.folder}/layout.json"
    }


def test_a_change_of_layout_that_was_cut_off_is_done_by_the_next_run(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    links = links_of("http://a.example/1", "http://b.example/2")
    first = layout_for(links["url"], (), None)
    put_in_layout(store, first)
    for path, rows in links.groupby(links["url"].map(lambda url: path_of(url, first))):
        put_links(store, str(path), rows)
    second = replace(first, spread=("a.example",))
    put_links(store, path_of("http://a.example/1", second), links[:1])  # and then it was killed
    assert len(all_known_links(store)) == 2
    put_in_layout(store, second)
    assert len(all_known_links(store)) == 2
    store.disk.write(first.path(0, 0), b"")  # as if it had been killed before the old files went
    put_in_layout(store, second)
    assert store.disk.names("links") == [second.folder.removeprefix("links/")]


def test_a_store_from_the_future_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "store.json").write_text('{"format": 99}')
    with pytest.raises(StoreError, match=r"has format 99, .* newer Regraft wrote it"):
        Store(str(tmp_path))


DAMAGES = [
    "",
    "{",
    "[]",
    "{}",
    '{"format": "new"}',
    '{"format": 1, "shards": 3}',
    '{"format": 1, "shards": [], "spread": []}',
    '{"format": 1, "shards": [1e999], "spread": []}',
]


def test_a_spread_host_is_known_by_the_name_that_it_is_requested_by() -> None:
    layout = layout_for(["http://b\u00fccher.example/1"], ["b\u00fccher.example", "cdn.example"], None)
    assert layout.spread == ("cdn.example", "xn--bcher-kva.example")
    assert is_spread("http://B\u00fccher.example/1", layout)
    assert layout_for(["http://a.example/1"], ["b\u00fccher.example", "cdn.example"], layout) == layout


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_store_json_costs_nothing(tmp_path: Path, damage: str) -> None:
    store = Store(str(tmp_path))
    links = links_of("http://a.example/1", "http://b.example/2")
    layout = replace(layout_for(links["url"], (), None), spread=("a.example",))
    put_in_layout(store, layout)
    for path, rows in links.groupby(links["url"].map(lambda url: path_of(url, layout))):
        put_links(store, str(path), rows)
    sound = store.disk.read("store.json")
    (tmp_path / "store.json").write_text(damage)
    assert len(all_known_links(Store(str(tmp_path)))) == 2
    put_in_layout(store, layout)
    assert store.disk.read("store.json") == sound


def test_the_store_json_of_another_store_costs_nothing(tmp_path: Path) -> None:
    store, another = Store(str(tmp_path / "store")), Store(str(tmp_path / "another"))
    links = links_of("http://a.example/1", "http://b.example/2")
    layout = layout_for(links["url"], (), None)
    put_in_layout(store, layout)
    for path, rows in links.groupby(links["url"].map(lambda url: path_of(url, layout))):
        put_links(store, str(path), rows)
    put_in_layout(another, Layout(shards=(2,) * 8))
    store.disk.write("store.json", another.disk.read("store.json"))
    put_in_layout(store, layout_for(links["url"], (), store.layout))
    assert len(all_known_links(store)) == 2


@pytest.mark.parametrize("copy", ["", "{", '{"format": 1, "shards": [9], "spread": []}', None])
def test_a_damaged_store_json_without_a_copy_costs_the_memory_alone(tmp_path: Path, copy: str | None) -> None:
    store = Store(str(tmp_path))
    layout = layout_for(["http://a.example/1"], (), None)
    put_in_layout(store, layout)
    (tmp_path / "store.json").write_text("{")
    path = tmp_path / layout.folder / "layout.json"
    path.unlink() if copy is None else path.write_text(copy)
    assert store.layout is None
    put_in_layout(store, layout_for(["http://a.example/1"], (), store.layout))
    assert store.layout == layout


def test_what_format_0_took_for_no_picture_is_fetched_again(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    reasons = [Reason.TRUNCATED, Reason.NOT_AN_IMAGE, Reason.ANIMATED, Reason.ALIVE]
    links = links_of(*(f"http://host.example/{reason}.jpg" for reason in reasons)).assign(
        reason=reasons, etag="e", last_modified="m"
    )
    for path, rows in links.groupby(links["url"].map(lambda url: path_of(url, LAYOUT_0))):
        put_links(store, str(path), rows)
    put_in_layout(store, layout_for(links["url"], (), store.layout))
    known = all_known_links(store).set_index("reason")
    assert known["etag"].to_dict() == {"truncated": "", "not_an_image": "", "animated": "e", "": "e"}
    assert known["last_modified"].to_dict() == {"truncated": "", "not_an_image": "", "animated": "m", "": "m"}
