"""A person accepts what a link shows."""

from pathlib import Path

import pandas as pd
import pytest

from regraft.dataset.misfiled import known_misfiled, remember
from regraft.dataset.placeholders import learn_placeholders, shows_placeholder
from regraft.errors import LinkError, LockedError
from regraft.links.memory import known_links, put_links
from regraft.links.shards import path_of
from regraft.store.layout import Layout
from regraft.store.store import Store
from regraft.upkeep.accept import accept
from tests.links.checks import FIRST_DAY, LINK, OTHER, PHOTO, memories, reason


def test_a_person_accepts_what_a_link_shows_now(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    put_links(store, path_of(LINK, Layout()), memories(PHOTO, OTHER)[-1])
    accept(store, LINK)
    assert reason(known_links(store, path_of(LINK, Layout()))) == ""
    with pytest.raises(LinkError, match="nothing to accept"):
        accept(store, LINK)
    with pytest.raises(LinkError, match="in no list"):
        accept(store, "v")


def test_a_person_accepts_a_picture_that_was_called_misfiled(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    put_links(store, path_of(LINK, Layout()), memories(PHOTO)[-1])
    remember(pd.DataFrame({"digest": [PHOTO.digest], "category": "cat", "like": "tiger"}), store, FIRST_DAY)
    accept(store, LINK)
    assert known_misfiled(store)["accepted"].tolist() == [True]
    with pytest.raises(LinkError, match="nothing to accept"):
        accept(store, LINK)


def test_a_person_accepts_a_picture_that_was_taken_for_a_placeholder(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    links = memories(PHOTO)[-1]
    put_links(store, path_of(LINK, Layout()), links)
    urls = [f"http://other{number}.org/" for number in range(8)]
    others = pd.concat([links.assign(url=url, final_url=url) for url in urls], ignore_index=True)
    assert len(learn_placeholders(others, store, FIRST_DAY)) == 1
    accept(store, LINK, FIRST_DAY)
    assert learn_placeholders(others, store, FIRST_DAY).empty
    with pytest.raises(LinkError, match="nothing to accept"):
        accept(store, LINK)


def test_with_a_link_all_that_lead_to_its_address_are_taken_back(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    urls = [LINK, *(f"http://other{number}.org/" for number in range(8))]
    rows = [
        memories(PHOTO)[-1].assign(url=url, final_url="http://x.org/new.jpg", digest=f"{number:x}" * 64, phash="3" * 16)
        for number, url in enumerate(urls)
    ]
    for url, row in zip(urls, rows, strict=True):
        path = path_of(url, Layout())
        put_links(store, path, pd.concat([known_links(store, path), row], ignore_index=True))
    links = pd.concat(rows, ignore_index=True)
    assert shows_placeholder(links, learn_placeholders(links, store, FIRST_DAY)).all()
    accept(store, LINK, FIRST_DAY)
    assert learn_placeholders(links, store, FIRST_DAY).empty


def test_nothing_is_accepted_while_a_run_is_under_way(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    put_links(store, path_of(LINK, Layout()), memories(PHOTO, OTHER)[-1])
    with store.run(), pytest.raises(LockedError):
        accept(Store(str(tmp_path)), LINK)
