"""What waits for a person: each picture once, with its links and a sentence, until somebody decided or skipped it."""

from pathlib import Path

import pandas as pd
import pytest

from regraft import menagerie
from regraft.dataset.decision import Decision
from regraft.dataset.decisions import all_decisions, decide
from regraft.dataset.misfiled import remember
from regraft.reporting.review import ReviewItem, ReviewKind, reviewed, undecided, waiting
from regraft.store import versions
from regraft.store.row_tables import TableInMemory
from regraft.store.store import Store
from regraft.store.tables import parquet
from tests.dataset.decided import FIRST, decision
from tests.records import run_record

LINKS = pd.DataFrame(
    [
        ("http://a/1", "cat", "replaced", "r", "known", 31, "it has shown this picture since 2026-01-02"),
        ("http://a/2", "tiger", "misfiled", "m", "near next", None, "95% of its nearest neighbours are cat"),
        ("http://a/3", "cat", "duplicate", "d", "d", 0, "the same bytes are in the lists of cat and tiger"),
        ("http://a/4", "tiger", "duplicate", "d", "d", 0, "the same bytes are in the lists of cat and tiger"),
        ("http://a/5", "cat", "duplicate", "e", "e", 0, "the same bytes as http://a/9"),
        ("http://a/6", "cat", "placeholder", "p1", "0f0f 9x9", 1, "links that show this picture: 3"),
        ("http://a/7", "tiger", "placeholder", "p2", "0f0f 9x9", 2, "links that show this picture: 3"),
        ("http://a/8", "cat", "placeholder", "q", "q", 0, "links that show this picture: 4"),
        ("http://a/9", "cat", "near_duplicate", "n", "e", 3, "it shows the same as a picture of the test split"),
        ("http://a/10", "cat", "gone", "", "", None, ""),
        ("http://a/11", "cat", "", "s", "", None, ""),
    ],
    columns=["url", "category", "reason", "digest", "refers_to", "distance", "detail"],
)
MANIFEST = pd.DataFrame(
    {
        "digest": ["s", "u", "v", "w"],
        "category": ["cat", "cat", "tiger", "tiger"],
        "urls": [["http://a/11"], ["http://a/12", "http://a/13"], ["http://a/14"], ["http://a/15"]],
        "doubtful": ["", "", "cat", ""],
    }
)
PREDICTIONS = MANIFEST[["digest", "category"]].assign(
    split=["test", "train", "test", "train"], label=[40.0, 40.0, 100.0, 100.0], prediction=[95.0, 41.0, 99.0, 98.0]
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with a version in which something of every kind waits."""
    return with_version(tmp_path, PREDICTIONS.assign(unlike_training=[False, True, False, False]), MANIFEST)


def with_version(folder: Path, predictions: pd.DataFrame, manifest: pd.DataFrame, links: pd.DataFrame = LINKS) -> Store:
    store = Store(str(folder))
    remember(pd.DataFrame({"digest": ["m"], "category": "tiger", "like": "cat", "chance": 0.0}), store, FIRST)
    files = {
        "links.parquet": parquet(links),
        "manifest.parquet": parquet(manifest),
        "predictions.parquet": parquet(predictions),
        "run.json": run_record(config=menagerie.CONFIG, files={}).to_bytes(),
    }
    versions.publish(store, "20260101T000000Z", files)
    return store


def review(store: Store) -> list[ReviewItem]:
    newest = versions.newest(store)
    return undecided(waiting(reviewed(newest, newest.opened)), all_decisions(store))


def summary(items: list[ReviewItem]) -> list[tuple[str, str, str]]:
    return [(str(item.kind), item.digest, item.category) for item in items]


@pytest.mark.parametrize("split", ["train", "test", "none"])
def test_of_a_version_whose_pictures_are_gone_none_waits_for_its_prediction(tmp_path: Path, split: str) -> None:
    """But for those that are left, of one split: somebody had the others removed."""
    predictions = PREDICTIONS[PREDICTIONS["split"] == split].reset_index(drop=True)
    kinds = {item.kind for item in review(with_version(tmp_path, predictions, MANIFEST.assign(doubtful="")))}
    assert ReviewKind.DOUBTFUL not in kinds


def test_each_picture_waits_once_with_its_links_and_a_sentence(store: Store) -> None:
    items = review(store)
    assert summary(items) == [
        ("replaced", "r", "cat"),
        ("misfiled", "m", "tiger"),
        ("duplicate", "d", "cat"),
        ("duplicate", "d", "tiger"),
        ("placeholder", "p1", ""),
        ("placeholder", "q", "cat"),
        ("near_duplicate", "n", "cat"),
        ("doubtful", "s", "cat"),
        ("doubtful", "v", "tiger"),
        ("unlike", "u", "cat"),
    ]
    assert [item.kind for item in items] == sorted((item.kind for item in items), key=list(ReviewKind).index)
    assert items[0].refers_to == "known"
    assert items[0].sentence == (
        "The link shows another picture than the one that it is known for: it differs in 31 of 64 bits. "
        "It has shown this picture since 2026-01-02."
    )
    assert items[1].refers_to == "near"
    assert items[1].sentence == (
        "It is in the list of tiger, and looks like the pictures of cat. 95% of its nearest neighbours are cat."
    )
    assert items[4].urls == ("http://a/6", "http://a/7")
    assert items[4].variants == ("p2",)
    assert items[-1].urls == ("http://a/12", "http://a/13")
    assert all(item.sentence.endswith((".", "?")) for item in items)


@pytest.mark.parametrize(
    "decided",
    [
        decision("accept", "r"),
        decision("reject", "r", ""),
        decision("move", "m", "tiger", to_category="cat"),
        decision("not_placeholder", "p2", "tiger"),
        decision("skip", "n", review="near_duplicate"),
        decision("skip", "q"),
    ],
    ids=lambda decided: f"{decided.kind}-{decided.digest}",
)
def test_what_is_decided_or_skipped_waits_no_more_until_that_is_taken_back(store: Store, decided: Decision) -> None:
    before = review(store)
    decide(store, [decided])
    left = review(store)
    gone = [item for item in before if item not in left]
    assert [decided.digest in (item.digest, *item.variants) for item in gone] == [True]
    decide(store, [decision("undo", decided.digest, decided.category, undoes=decided.id)])
    assert review(store) == before


def test_what_was_skipped_as_something_else_or_in_another_list_waits_still(store: Store) -> None:
    before = review(store)
    decide(store, [decision("skip", "r", review="misfiled"), decision("accept", "r", "tiger")])
    assert review(store) == before


def test_a_picture_that_was_moved_is_not_doubted_in_its_new_category(store: Store) -> None:
    decide(store, [decision("move", "s", "tiger", to_category="cat")])
    assert ("doubtful", "s", "cat") not in summary(review(store))


def test_a_picture_of_two_lists_that_is_learnt_from_in_one_waits_in_none(tmp_path: Path) -> None:
    learnt = pd.DataFrame({"digest": ["d"], "category": ["tiger"], "urls": [["http://a/16"]], "doubtful": [""]})
    store = with_version(tmp_path, PREDICTIONS, pd.concat([MANIFEST, learnt], ignore_index=True))
    assert ReviewKind.DUPLICATE not in [item.kind for item in review(store)]


def test_a_version_of_an_earlier_regraft_has_what_its_tables_tell(tmp_path: Path) -> None:
    links = LINKS.drop(columns=["refers_to", "distance", "detail"])
    store = with_version(tmp_path, PREDICTIONS, MANIFEST.drop(columns="doubtful"), links)
    kinds = [item.kind for item in review(store)]
    assert kinds.count(ReviewKind.PLACEHOLDER) == 3, "each picture by itself"
    assert ReviewKind.UNLIKE not in kinds
    assert review(store)[0].sentence == "The link shows another picture than the one that it is known for."


def test_what_waits_is_the_same_before_and_after_a_version_is_published(store: Store) -> None:
    newest = versions.newest(store)
    in_memory = reviewed(newest, lambda file: TableInMemory(newest.table(file)))
    assert waiting(in_memory) == waiting(reviewed(newest, newest.opened))
