"""Pictures in the wrong list are remembered, and stay out until somebody accepts them."""

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from regraft.dataset.misfiled import (
    MISFILED,
    known_misfiled,
    misfiled_links,
    remember,
    remember_doubtful,
    with_doubtful,
)
from regraft.store.store import Store
from regraft.verdicts import Reason

NOW = datetime(2026, 1, 1, tzinfo=UTC)
A_CAT, A_DOG = "a" * 64, "b" * 64
AMONG_TIGERS = pd.DataFrame({"digest": [A_CAT, A_DOG], "category": "tiger", "like": ["cat", "dog"], "chance": 0.1})


def test_what_is_known_is_not_new(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    assert remember(AMONG_TIGERS.iloc[:1], store, NOW)["digest"].tolist() == [A_CAT]
    assert remember(AMONG_TIGERS, store, NOW)["digest"].tolist() == [A_DOG]
    assert remember(AMONG_TIGERS, store, NOW).empty
    assert known_misfiled(store)["like"].tolist() == ["cat", "dog"]
    assert known_misfiled(store)["first_seen"].tolist() == [NOW, NOW]


def test_what_was_accepted_by_hand_in_an_earlier_regraft_is_not_found_again(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    remember(AMONG_TIGERS, store, NOW)
    store.tables.write("links/misfiled.parquet", known_misfiled(store).assign(accepted=[True, False]), MISFILED)
    assert remember(AMONG_TIGERS, store, NOW).empty
    assert known_misfiled(store)["accepted"].tolist() == [True, False]


def test_links_that_show_misfiled_pictures_say_what_these_are_like(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    remember(AMONG_TIGERS, store, NOW)
    rows = [(A_CAT, "tiger", "u1", Reason.MISFILED), (A_CAT, "cat", "u2", Reason.ALIVE), ("", "tiger", "u3", "gone")]
    links = pd.DataFrame(rows, columns=["digest", "category", "url", "reason"])
    assert misfiled_links(links, known_misfiled(store)).to_dict("records") == [
        {"digest": A_CAT, "category": "tiger", "url": "u1", "like": "cat", "chance": 0.1}
    ]


def test_doubtful_pictures_are_marked_in_the_manifest_until_they_are_no_longer(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    manifest = pd.DataFrame({"digest": [A_CAT, A_DOG], "category": "tiger"})
    assert with_doubtful(manifest, (), store)["doubtful"].tolist() == ["", ""]
    remember_doubtful(AMONG_TIGERS.iloc[1:], store)
    assert with_doubtful(manifest, (), store)["doubtful"].tolist() == ["", "dog"]
    assert with_doubtful(manifest, {A_DOG}, store)["doubtful"].tolist() == ["", ""], "a person decided to learn from it"
    remember_doubtful(AMONG_TIGERS.iloc[:0], store)
    assert with_doubtful(manifest, (), store)["doubtful"].tolist() == ["", ""]
