"""What somebody had removed is remembered, by a table and by receipts, and never comes back."""

import json
from collections.abc import Sequence

import pandas as pd
import pytest

from regraft.errors import CorruptError
from regraft.identity import Digest
from regraft.links.removals import known_removals, known_rows
from regraft.pipeline.bench import Bench
from regraft.pipeline.spec import RunSpec
from regraft.store.root import REMOVALS, REMOVING
from regraft.store.store import Store
from regraft.store.tables import from_parquet, parquet
from regraft.store.version import Version
from regraft.upkeep.receipt import page, receipts
from regraft.upkeep.remove import finish, remove
from regraft.upkeep.wanted import wanted_of
from tests.records import run_record
from tests.upkeep.pictured import NAMES, NOW, url_of
from tests.upkeep.removing import WHY, damages, everything, removed


def test_a_damaged_receipt_is_damage_and_keeps_nobody_from_anything(store: Store, digests: list[Digest]) -> None:
    first, second = removed(store, digests[0]), removed(store, digests[1])
    path = f"receipts/{first.id}.json"
    copy = store.disk.read(f"receipts/{second.id}.json")
    for data in (b"", b"{", b"null", b"[]", b"{}", b"[" * 100_000, b"\xff\xfe", copy):
        store.disk.write(path, data)
        assert damages(store) == damages(store, repair=True) == [path], data[:9]
        assert [its.id for its in receipts(store)] == [second.id], data[:9]
    third = remove(store, [wanted_of(digests[2])], WHY, ask_prefect=lambda names: "It was asked.", now=NOW)
    assert third.prefect == "It was asked."
    store.disk.delete(REMOVALS)  # what the damaged receipt names is known nowhere now
    assert damages(store, repair=True)[:2] == [path, REMOVALS]
    with pytest.raises(CorruptError, match="is gone"):
        known_rows(store)
    store.disk.delete(path)
    assert damages(store, repair=True)[0] == REMOVALS
    assert {row.hash for row in known_rows(store)} == {row.hash for row in (*second.rows, *third.rows)}


def test_a_damaged_removal_under_way_is_damage(store: Store, digests: list[Digest]) -> None:
    removed(store, digests[0])
    store.disk.write(REMOVING, b"{")
    assert damages(store) == damages(store, repair=True) == [REMOVING]
    with pytest.raises(CorruptError, match="remove again what it was about"):
        removed(store, digests[1])


def test_the_receipt_names_files_and_digests_and_nothing_removed(store: Store, digests: list[Digest]) -> None:
    receipt = removed(store, url_of(4))
    assert [its.id for its in receipts(store)] == [receipt.id]
    blob = store.blobs.at(digests[4]).path
    assert (receipt.files[blob].before, receipt.files[blob].after) == (digests[4], None)
    for path, change in receipt.files.items():
        assert change.before != change.after, path
        assert store.disk.exists(path) == (change.after is not None)
    shown = store.disk.read(f"receipts/{receipt.id}.html").decode()
    assert shown == page(receipt)
    assert url_of(4) not in shown
    assert WHY in shown


def test_what_came_back_from_a_backup_is_seen_and_removed_once_more(drawn_store: Store, digests: list[Digest]) -> None:
    backup = {path: drawn_store.disk.read(path) for path in drawn_store.disk.sizes("")}
    removed(drawn_store, url_of(4))
    for path, data in backup.items():
        drawn_store.disk.write(path, data)
    reopened = Store(drawn_store.url)
    came_back = damages(reopened)
    assert drawn_store.blobs.at(digests[4]).path in came_back
    assert f"versions/{NAMES[0]}/report.html" in came_back
    assert set(damages(Store(drawn_store.url), repair=True)) == set(came_back)
    assert damages(Store(drawn_store.url)) == []
    assert digests[4] not in everything(drawn_store)


def test_a_table_that_forgot_what_was_removed_is_put_together_from_the_receipts(store: Store) -> None:
    removed(store, url_of(4))
    rows = known_rows(store)
    for broken in (b"rot", None):
        store.disk.write(REMOVALS, broken) if broken else store.disk.delete(REMOVALS)
        with pytest.raises(CorruptError, match="repair"):
            known_removals(store)
        with pytest.raises(CorruptError):
            removed(store, url_of(0))
        assert damages(store) == [REMOVALS]
        assert damages(store, repair=True) == [REMOVALS]
        assert known_rows(store) == rows
        assert damages(store) == []


@pytest.mark.parametrize(
    ("column", "value"), [("kind", "photo"), ("hash", "0"), ("phash", None), ("phash", "z" * 16), ("removed_at", None)]
)
def test_a_table_that_another_program_has_written_is_believed_only_where_it_can_be(
    store: Store, column: str, value: str | None
) -> None:
    removed(store, url_of(4))
    rows = known_rows(store)
    table = from_parquet(store.disk.read(REMOVALS))
    store.disk.write(REMOVALS, parquet(table.assign(**{column: pd.array([value] * len(table), table.dtypes[column])})))
    with pytest.raises(CorruptError, match="repair"):
        known_removals(store)
    assert damages(store, repair=True) == [REMOVALS]
    assert known_rows(store) == rows


def test_a_receipt_without_hashes_is_a_damaged_one(store: Store) -> None:
    removed(store, url_of(4))
    [path] = (path for path in store.disk.sizes("receipts") if path.endswith(".json"))
    content = json.loads(store.disk.read(path))
    content["hashes"][0]["host"] = "no hash"
    store.disk.write(path, json.dumps(content).encode())
    assert list(receipts(store)) == []


def test_an_older_copy_of_the_table_brings_nothing_back(store: Store) -> None:
    removed(store, url_of(4))
    older = store.disk.read(REMOVALS)
    removed(store, url_of(0))
    rows = known_rows(store)
    store.disk.write(REMOVALS, older)
    spec = RunSpec(config=run_record().config, store_url=store.url, run_id="", now=NOW, since=NOW)
    with pytest.raises(CorruptError, match=r"lacks what was removed on 2026-02-01; .* --repair"):
        _ = Bench(spec).removals
    with pytest.raises(CorruptError, match="lacks what was removed"):
        removed(store, url_of(1))
    assert damages(store, repair=True) == [REMOVALS]
    assert known_rows(store) == rows
    assert Bench(spec).removals == known_removals(store)


def test_a_removal_that_was_cut_off_is_finished_by_the_next_one(store: Store, digests: list[Digest]) -> None:

    class Killed(BaseException):
        pass

    def kill(names: Sequence[str]) -> str:
        raise Killed

    with pytest.raises(Killed):
        remove(store, [wanted_of(digests[4])], WHY, ask_prefect=kill, now=NOW)
    assert store.blobs.has(digests[4])
    assert known_removals(store).has_picture(digests[4])  # from the first moment on it cannot come back
    assert REMOVING in damages(store)
    with Store(store.url).held():
        receipt = finish(store)
    assert receipt is not None
    assert json.loads(store.disk.read(f"receipts/{receipt.id}.json"))["removed_at"] == "2026-02-01T00:00:00Z"
    assert damages(Store(store.url)) == []
    assert digests[4] not in everything(store)


def test_two_removals_at_one_time_are_two(store: Store, digests: list[Digest]) -> None:
    receipts_of = [removed(store, digests[number]) for number in (0, 4)]
    assert len({receipt.removed_at for receipt in receipts_of}) == 2
    notes = Version(store, NAMES[0]).run.removals
    assert [note.pictures for note in notes] == [change.pictures for r in receipts_of for change in r.versions[:1]]
    assert damages(store) == []
