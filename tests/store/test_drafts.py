"""What a run under way has made travels by digest, and is gone when the run is over."""

import pandas as pd
import pytest

from regraft.errors import CorruptError, StoreError
from regraft.identity import Digest
from regraft.store.drafts import Drafts
from regraft.store.store import Store


def test_a_draft_is_read_by_its_digest_from_another_process_s_store(store: Store) -> None:
    digest = store.drafts.put(b"head")
    assert store.drafts.put(b"head") == digest
    assert Store(store.url).drafts.read(digest) == b"head"


def test_a_table_comes_back_as_it_was_with_its_rows_numbered_anew(store: Store) -> None:
    table = pd.DataFrame(
        {
            "digest": ["a", "b"],
            "urls": [["u1", "u2"], []],
            "label": [1.5, float("nan")],
            "seen": pd.Timestamp("2026-01-01", tz="UTC"),
        },
        index=[7, 9],
    )
    again = store.drafts.table(store.drafts.put_table(table))
    assert [list(urls) for urls in again["urls"]] == [["u1", "u2"], []]
    columns = ["digest", "label", "seen"]
    pd.testing.assert_frame_equal(again[columns], table[columns].reset_index(drop=True), check_dtype=False)


def test_a_damaged_draft_is_never_returned(store: Store) -> None:
    digest = store.drafts.put(b"head")
    store.disk.write(f"drafts/{digest[:2]}/{digest[2:]}", b"other")
    with pytest.raises(CorruptError):
        Drafts(store.disk).read(digest)
    assert store.drafts.put(b"head") == digest
    assert Drafts(store.disk).read(digest) == b"head"


def test_drafts_are_gone_once_they_are_swept(store: Store) -> None:
    digest = store.drafts.put(b"head")
    store.drafts.sweep()
    store.drafts.sweep()  # none left: nothing to do
    with pytest.raises(StoreError, match="run again"):
        store.drafts.read(digest)


def test_what_is_not_a_digest_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="not a digest"):
        store.drafts.read(Digest("../champion.json"))
