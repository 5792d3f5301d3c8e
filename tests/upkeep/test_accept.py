"""A person accepts what a link shows."""

from pathlib import Path

import pandas as pd
import pytest

from regraft.dataset.misfiled import known_misfiled, remember
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


def test_nothing_is_accepted_while_a_run_is_under_way(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    put_links(store, path_of(LINK, Layout()), memories(PHOTO, OTHER)[-1])
    with store.run(), pytest.raises(LockedError):
        accept(Store(str(tmp_path)), LINK)
