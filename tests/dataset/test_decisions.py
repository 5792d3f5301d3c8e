"""Decisions are kept as a log: in order, whole or not at all, taken back, and none lost between two writers."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from regraft.dataset.decision import DECISIONS, Decision, standing
from regraft.dataset.decision_files import decision_files
from regraft.dataset.decisions import (
    all_decisions,
    compact,
    decide,
    files_on,
    forget,
    known_decisions,
)
from regraft.errors import LinkError, StoreError
from regraft.links.memory import put_links
from regraft.links.shards import path_of
from regraft.store.layout import Layout, put_layout
from regraft.store.local_disk import LocalDisk
from regraft.store.store import Store
from regraft.store.system_calls import SystemCalls
from tests.dataset.decided import FIRST, decision
from tests.disks import DISKS, store_on
from tests.links.checks import LINK, OTHER, PHOTO, memories


@pytest.fixture(params=DISKS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return store_on(request, tmp_path)


def kinds(store: Store) -> list[str]:
    return [str(held.kind) for held in standing(all_decisions(store))]


def test_what_is_decided_is_a_table_in_the_order_of_writing_whatever_the_clocks_say(store: Store) -> None:
    decide(store, [decision("accept", why="a fine cat")])
    decide(store, [decision("reject", "y", decided_at=FIRST - timedelta(days=400))])
    known = known_decisions(store)
    assert known.columns.tolist() == DECISIONS.names
    assert known[["kind", "digest", "why", "decided_by", "undone"]].to_numpy().tolist() == [
        ["accept", "x", "a fine cat", "ada", False],
        ["reject", "y", "", "ada", False],
    ]
    assert known_decisions(Store(store.url, disk=store.disk)).equals(known)


def test_a_store_without_decisions_has_an_empty_table(store: Store) -> None:
    assert known_decisions(store).columns.tolist() == DECISIONS.names
    assert decide(store, []) == []
    assert decision_files(store) == []


def test_it_takes_no_lock_to_decide(store: Store) -> None:
    with store.run():
        decide(store, [decision("accept")])
    assert kinds(store) == ["accept"]


def test_the_last_decision_on_a_picture_in_a_list_holds(store: Store) -> None:
    decide(
        store, [decision("accept"), decision("accept", "y"), decision("reject"), decision("move", to_category="dog")]
    )
    assert kinds(store) == ["accept", "move"]


def test_a_decision_for_all_lists_overtakes_those_for_one_and_is_overtaken_in_one(store: Store) -> None:
    decide(store, [decision("accept"), decision("reject", category="")])
    assert kinds(store) == ["reject"]
    decide(store, [decision("accept")])
    assert kinds(store) == ["reject", "accept"]


def test_to_skip_a_picture_leaves_what_was_decided_about_it(store: Store) -> None:
    decide(store, [decision("reject"), decision("skip")])
    assert kinds(store) == ["reject", "skip"]


def test_an_undo_takes_back_the_last_decision_and_the_one_before_it_holds_again(store: Store) -> None:
    decide(store, [decision("accept"), decision("reject"), decision("undo")])
    assert kinds(store) == ["accept"]
    decide(store, [decision("undo")])
    assert kinds(store) == []
    assert known_decisions(store)["undone"].tolist() == [True, True, False, False]
    with pytest.raises(LinkError, match="no decision on picture x"):
        decide(store, [decision("undo")])


def test_an_undo_takes_back_the_decision_that_it_names_and_can_be_taken_back(store: Store) -> None:
    first, _ = decide(store, [decision("accept"), decision("reject", "y")])
    [undo] = decide(store, [decision("undo", "", "", undoes=first.id)])
    assert (undo.digest, undo.category, kinds(store)) == ("x", "cat", ["reject"])
    decide(store, [decision("undo", "", "", undoes=undo.id)])
    assert kinds(store) == ["accept", "reject"]
    with pytest.raises(LinkError, match="no decision nosuch"):
        decide(store, [decision("undo", undoes="nosuch")])


def test_the_same_decision_is_kept_once(store: Store) -> None:
    same = decision("accept")
    assert len(decide(store, [same, same])) == 1
    assert decide(store, [same]) == []
    assert len(decision_files(store)) == 1


def test_what_holds_already_is_not_decided_again_so_that_one_undo_takes_it_back(store: Store) -> None:
    decide(store, [decision("reject"), decision("reject")])
    assert decide(store, [decision("reject", review="misfiled")]) == []
    assert len(decide(store, [decision("skip"), decision("reject", category=""), decision("reject", "y")])) == 3
    decide(store, [decision("undo", category="")])
    assert kinds(store) == ["reject", "skip", "reject"]
    decide(store, [decision("undo"), decision("undo"), decision("undo", "y"), decision("reject")])
    assert kinds(store) == ["reject"]


def test_a_history_is_kept_as_it_was(store: Store) -> None:
    history = [decision("reject"), decision("reject")]
    assert decide(store, history, is_history=True) == history


def test_what_is_accepted_as_something_else_is_another_decision(store: Store) -> None:
    both = [decision("accept", review="misfiled"), decision("accept", review="near_duplicate")]
    assert decide(store, both) == both


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (decision("accept", ""), "names no picture"),
        (decision("move"), "takes the category"),
        (decision("reject", to_category="dog"), "takes the category"),
        (decision("move", to_category="cat"), "is in 'cat' already"),
    ],
)
def test_of_decisions_of_which_one_is_wrong_none_is_kept(store: Store, wrong: object, message: str) -> None:
    with pytest.raises(LinkError, match=message):
        decide(store, [decision("accept"), wrong])  # type: ignore[list-item]
    assert decision_files(store) == []


def test_a_decision_remembers_what_its_link_showed(tmp_path: Path) -> None:
    store, links = Store(str(tmp_path)), memories(PHOTO, OTHER)[-1]
    put_layout(store.disk, Layout())
    put_links(store, path_of(LINK, Layout()), links)
    [kept] = decide(store, [decision("accept", OTHER.digest, url=LINK)])
    assert (kept.phash, kept.final_url, kept.width, kept.height) == (OTHER.phash, LINK, 99, 99)
    [gone] = decide(store, [decision("accept", "z", url=LINK)])
    assert gone.phash == ""


def test_a_damaged_file_costs_only_itself(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = Store(str(tmp_path))
    for digest in "abc":
        decide(store, [decision("reject", digest)])
    middle = decision_files(store)[1]
    whole = store.disk.read(middle)
    for damaged in (
        whole.replace(b'"reject"', b'"accept"'),
        whole[:40],
        b"",
        b"[]",
        b"null",
        b'{"schema": 1}',
        b"\xff",
        store.disk.read(decision_files(store)[0]),
    ):
        store.disk.write(middle, damaged)
        caplog.clear()
        assert known_decisions(store)["digest"].tolist() == ["a", "c"]
        [message] = caplog.messages
        assert "00000002.json" in message
        assert "\n" not in message
    assert files_on(store, lambda decision: False) == [middle]  # what it names nobody knows, so it is forgotten whole


def test_a_file_of_a_newer_regraft_is_refused(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.disk.write("decisions/00000001.json", b'{"schema": 2, "digest": "", "decisions": [], "more": 1}')
    with pytest.raises(StoreError, match="newer Regraft"):
        known_decisions(store)


def test_what_is_forgotten_leaves_the_others_in_their_order(store: Store) -> None:
    decide(store, [decision("reject", "a"), decision("reject", "b", url="http://x.org/b.jpg")])
    decide(store, [decision("reject", "c")])

    def is_removed(other: Decision) -> bool:
        return other.digest == "c" or other.url == "http://x.org/b.jpg"

    paths = files_on(store, is_removed)
    assert paths == ["decisions/00000001.json", "decisions/00000002.json"]
    for path in paths:
        forget(store, path, is_removed)
    assert files_on(store, is_removed) == []
    assert known_decisions(store)["digest"].tolist() == ["a"]
    decide(store, [decision("accept", "d")])
    assert decision_files(store)[-1] == "decisions/00000003.json"


def decide_many(url: str, writer: int) -> int:
    store = Store(url)
    return sum(len(decide(store, [decision("accept", f"{writer}-{n}", decided_at=FIRST)])) for n in range(20))


def test_of_two_processes_that_write_at_the_same_time_none_loses_a_decision(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(2, context) as processes:
        assert list(processes.map(decide_many, [str(tmp_path)] * 2, [1, 2])) == [20, 20]
    known = known_decisions(Store(str(tmp_path)))
    assert set(known["digest"]) == {f"{writer}-{n}" for writer in (1, 2) for n in range(20)}
    for writer in "12":
        own = known["digest"][known["digest"].str.startswith(writer)]
        assert own.tolist() == [f"{writer}-{n}" for n in range(20)]


def test_what_is_decided_while_files_are_merged_comes_last(tmp_path: Path) -> None:
    class Merged(SystemCalls):
        def link(self, source: str, target: str) -> None:
            if not merged:
                merged.append(target)
                for n in range(3):
                    decide(store, [decision("reject", f"{n}", decided_at=FIRST)])
                with store.held():
                    compact(store, max_files=1)
            super().link(source, target)

    merged: list[str] = []
    store = Store(str(tmp_path))
    decide(store, [decision("accept", "first")])
    decide(Store(str(tmp_path), disk=LocalDisk(str(tmp_path), Merged())), [decision("accept", "last")])
    assert merged
    assert [each.digest for each in all_decisions(store)] == ["first", "0", "1", "2", "last"]
    assert len(decision_files(store)) == 2


def test_many_files_become_one_and_say_the_same(store: Store) -> None:
    for n in range(4):
        decide(store, [decision("accept", f"{n}"), decision("reject", f"{n}", "dog")])
    decide(store, [decision("undo", "2")])
    before, last = all_decisions(store), decision_files(store)[-1]
    with store.held():
        compact(store, max_files=5)
        assert len(decision_files(store)) == 5
        compact(store, max_files=4)
    assert decision_files(store) == [last]
    assert all_decisions(store) == before
    decide(store, [decision("accept", "later")])
    assert [each.digest for each in all_decisions(store)][-1] == "later"


def test_a_damaged_file_is_not_merged(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    for n in range(3):
        decide(store, [decision("accept", f"{n}")])
    first = decision_files(store)[0]
    store.disk.write(first, b"{")
    with store.held():
        compact(store, max_files=1)
    assert [store.disk.read(first), len(decision_files(store))] == [b"{", 2]
    assert [each.digest for each in all_decisions(store)] == ["1", "2"]


def test_a_run_that_begins_and_sweeps_costs_no_decision(tmp_path: Path) -> None:
    class Swept(SystemCalls):
        def link(self, source: str, target: str) -> None:
            if Path(source).exists() and not swept:
                swept.append(source)
                Path(source).unlink()
            super().link(source, target)

    swept: list[str] = []
    store = Store(str(tmp_path), disk=LocalDisk(str(tmp_path), Swept()))
    decide(store, [decision("accept")])
    assert swept
    assert kinds(store) == ["accept"]
    assert pd.Series(store.disk.names("tmp")).empty
