"""Stores made smaller: what nothing needs goes."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from regraft.config import FetchSettings
from regraft.dataset.decisions import decide, known_decisions
from regraft.errors import CorruptError, LockedError, VersionError
from regraft.identity import digest_of
from regraft.store import versions
from regraft.store.locks import CHAMPION_LOCK
from regraft.store.store import Store
from regraft.upkeep.prune import plan, prune
from regraft.upkeep.verify import verify
from tests.dataset.decided import decision
from tests.upkeep.stores import JANUARY, know_link, publish_version


def test_pruning_keeps_the_champions_line_the_last_versions_and_what_they_need(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    digests = [store.blobs.put(f"picture {i}".encode()) for i in range(5)]
    names = JANUARY[:5]
    for name, digest in zip(names, digests, strict=True):
        store.features.append("net", [digest], np.ones((1, 4), np.float32))
        publish_version(store, name, digest, champion=names[0] if name == names[2] else None)
    store.features.append("other", [digests[0]], np.ones((1, 4), np.float32))
    versions.promote(store, names[2], None)
    made = plan(store, 1)
    assert made.kept == (names[0], names[2], names[4])
    assert len(versions.names(store)) == 5  # a plan changes nothing
    assert made.usage["blobs"].files == 2
    assert made.usage["features"].files == 3
    done = prune(store, 1, lambda path: None)
    assert done == made
    assert tuple(versions.names(store)) == made.kept
    assert [store.blobs.has(digest) for digest in digests] == [True, False, True, False, True]
    assert len(store.features.read("net", digests)) == 3
    assert list(verify(store, False, FetchSettings(), lambda path: None)) == []
    assert plan(store, 1).size == 0


@pytest.mark.parametrize("damage", ["junk", "a folder"])
def test_damaged_features_are_pruned_for_a_run_to_make_them_again(tmp_path: Path, damage: str) -> None:
    store = Store(str(tmp_path))
    digests = [store.blobs.put(f"picture {i}".encode()) for i in range(2)]
    for name, digest in zip(JANUARY[:2], digests, strict=True):
        store.features.append("net", [digest], np.ones((1, 4), np.float32))
        publish_version(store, name, digest)
    part = next(iter(store.features))
    store.disk.delete(part.path)
    store.disk.write(part.path if damage == "junk" else f"{part.path}/x", b"junk")
    assert [its.path for its in plan(store, 2).features] == [part.path]
    prune(store, 2, lambda path: None)
    assert len(store.features.read("net", digests)) == 1
    assert list(verify(store, False, FetchSettings(), lambda path: None)) == []


def test_what_a_link_shows_today_is_not_pruned(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    digest = store.blobs.put(b"shown today")
    publish_version(store, JANUARY[0], store.blobs.put(b"learnt"))
    know_link(store, "http://example.org/a.jpg", digest)
    prune(store, 1, lambda path: None)
    assert store.blobs.has(digest)


def test_old_versions_go_oldest_first_and_what_a_plan_says_goes(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    digest = store.blobs.put(b"picture")
    for name in JANUARY[:3]:
        publish_version(store, name, digest)
    paths: list[str] = []
    prune(store, 1, paths.append)
    assert paths == [f"versions/{name}" for name in JANUARY[:2]]
    assert store.disk.names("versions") == JANUARY[2:3]


def test_drafts_and_folders_that_a_cut_off_run_left_go(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.drafts.put(b"head")
    store.disk.write(f"versions/{JANUARY[0]}/report.html", b"of a deletion that was cut off")
    made = plan(store, 1)
    assert {kind: usage.files for kind, usage in made.usage.items() if usage.files} == {"versions": 1, "drafts": 1}
    assert made.size == len(b"head") + len(b"of a deletion that was cut off")
    prune(store, 1, lambda path: None)
    assert plan(store, 1).size == 0
    assert store.disk.names("versions") == []


def test_without_a_version_nothing_else_goes(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    digest = store.blobs.put(b"fetched by a run that failed later")
    prune(store, 1, lambda path: None)
    assert store.blobs.has(digest)


def test_nothing_is_pruned_while_a_run_is_under_way(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    with store.run(), pytest.raises(LockedError):
        prune(Store(str(tmp_path)), 1, lambda path: None)


def test_the_champion_before_stays_to_go_back_to(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    digest = store.blobs.put(b"picture")
    for name in JANUARY[:3]:
        publish_version(store, name, digest)
    versions.promote(store, JANUARY[0], None)
    versions.promote(store, JANUARY[2], JANUARY[0])
    assert plan(store, 1).kept == (JANUARY[0], JANUARY[2])


def test_nobody_moves_the_champion_to_a_version_that_is_about_to_go(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    digest = store.blobs.put(b"picture")
    for name in JANUARY[:3]:
        publish_version(store, name, digest)
    versions.promote(store, JANUARY[2], None)

    def promote(path: str) -> None:
        with pytest.raises(TimeoutError), store.disk.lock(CHAMPION_LOCK, 0, timedelta()):
            pass

    prune(store, 1, promote)
    with pytest.raises(VersionError, match="no one version"):
        versions.promote(store, JANUARY[0], JANUARY[2])


def test_what_a_damaged_version_needs_is_not_known_so_all_blobs_stay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(str(tmp_path))
    digests = [store.blobs.put(f"picture {i}".encode()) for i in range(2)]
    for name, digest in zip(JANUARY[:2], digests, strict=True):
        publish_version(store, name, digest)
    store.disk.write(f"versions/{JANUARY[1]}/manifest.parquet", b"rot")
    assert [version.name for version in plan(store, 1).versions] == [JANUARY[0]]
    prune(store, 1, lambda path: None)
    assert all(map(store.blobs.has, digests))
    assert "nobody knows what a damaged version needs" in caplog.text


def test_where_the_champions_line_is_damaged_all_older_versions_stay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(str(tmp_path))
    digest = store.blobs.put(b"picture")
    for name in JANUARY[:4]:
        publish_version(store, name, digest)
    versions.promote(store, JANUARY[1], None)
    store.disk.write(f"versions/{JANUARY[1]}/metrics.json", b"rot")
    assert plan(store, 1).kept == (JANUARY[0], JANUARY[1], JANUARY[3])
    assert f"older than {JANUARY[1]} stay" in caplog.text


def test_nothing_is_pruned_where_a_table_of_links_is_damaged(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    digest = store.blobs.put(b"shown today")
    publish_version(store, JANUARY[0], digest)
    know_link(store, "http://example.org/a.jpg", digest)
    [path] = (path for path in store.disk.sizes("links") if path.endswith(".parquet"))
    store.disk.write(path, b"rot")
    with pytest.raises(CorruptError, match="verify --repair"):
        prune(store, 1, lambda path: None)
    assert store.blobs.has(digest)


def test_decisions_stay_whatever_goes(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    for name in JANUARY[:3]:
        publish_version(store, name, store.blobs.put(name.encode()))
    decide(store, [decision("reject", digest_of(JANUARY[0].encode()))])
    assert prune(store, 1, lambda path: None).usage["blobs"].files == 2
    assert len(known_decisions(store)) == 1
