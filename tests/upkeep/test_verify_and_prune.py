"""Stores looked through, mended and made smaller."""

from pathlib import Path

import numpy as np
import pandas as pd

from regraft.config import FetchSettings
from regraft.links.memory import MEMORY, put_links
from regraft.links.shards import shard_of
from regraft.store import versions
from regraft.store.store import Store
from regraft.store.tables import parquet
from regraft.upkeep import prune as pruning
from regraft.upkeep.verify import Damage, verify
from tests.hostile import ok, serving
from tests.records import comparison, metrics_record, run_record


def remembered(store: Store, url: str, digest: str) -> None:
    """Have the store know a link that shows a picture."""
    empty = MEMORY.empty_table().to_pandas()
    row = {"url": url, "final_url": url, "digest": digest, "verdict": "alive", "reason": "", "category": "cat"}
    put_links(
        store, shard_of(url), pd.concat([empty, pd.DataFrame([row])], ignore_index=True).reindex(columns=MEMORY.names)
    )


def published(store: Store, name: str, digest: str, champion: str | None = None, promoted: bool = False) -> None:
    """Publish a small version that learnt from one image."""
    manifest = pd.DataFrame({"digest": [digest], "category": ["cat"]})
    metrics = metrics_record(promoted=promoted, champion=comparison(champion) if champion else None)
    files = {
        "manifest.parquet": parquet(manifest),
        "metrics.json": metrics.to_bytes(),
        "run.json": run_record(backbone_fingerprint="net", files={}).to_bytes(),
    }
    versions.publish(store, name, files)


def damaged(store: Store, repair: bool = False, fetch: FetchSettings | None = None) -> list[Damage]:
    return list(verify(store, repair, fetch or FetchSettings(), lambda _: None))


def test_a_sound_store_is_told_sound(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    digest = store.blobs.put(b"picture")
    store.features.append("net", [digest], np.ones((1, 4), np.float32))
    published(store, "20260101T000000Z", digest, promoted=True)
    versions.promote(store, "20260101T000000Z", None)
    assert damaged(store) == []


def test_a_damaged_blob_is_fetched_again_where_a_link_still_serves_it(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    digest = store.blobs.put(b"picture")
    path = tmp_path / "blobs" / digest[:2] / digest[2:]
    path.write_bytes(b"rot")
    with serving(lambda talk: talk.say(ok(b"picture"))) as server:
        remembered(store, f"http://127.0.0.1:{server.port}/a.jpg", digest)
        assert [damage.mended for damage in damaged(store)] == [""]
        assert path.read_bytes() == b"rot"  # without --repair nothing is touched
        found = damaged(store, True, FetchSettings(allow=(f"127.0.0.1:{server.port}",)))
    assert "fetched again" in found[0].mended
    assert store.blobs.read(digest) == b"picture"


def test_a_blob_that_nobody_serves_any_more_stays_damage(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    digest = store.blobs.put(b"picture")
    published(store, "20260101T000000Z", digest)
    store.disk.delete(f"blobs/{digest[:2]}/{digest[2:]}")
    assert [(d.what, d.mended) for d in damaged(store, True)] == [("it is gone, and versions name it", "")]


def test_damaged_features_are_dropped_to_be_computed_again(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.features.append("net", ["a" * 64], np.ones((1, 4), np.float32))
    part = next((tmp_path / "features" / "net").iterdir())
    part.write_bytes(part.read_bytes()[:-9])
    assert store.features.read("net", ["a" * 64]) == {}
    assert "computes them again" in damaged(store, True)[0].mended
    assert damaged(store) == []


def test_a_pointer_to_nothing_is_pointed_at_the_newest_that_became_champion(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    digest = store.blobs.put(b"picture")
    published(store, "20260101T000000Z", digest, promoted=True)
    published(store, "20260102T000000Z", digest)
    for broken in (b'{"version": "20250101T000000Z"}', b"{", b"[]"):
        store.disk.write(versions.CHAMPION, broken)
        assert damaged(store)[0].mended == ""
        assert "20260101T000000Z" in damaged(store, True)[0].mended
        assert damaged(store) == []


def test_a_published_file_that_changed_is_told(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    run = run_record(files={"head.keras": "00", "gone.png": "00"})
    versions.publish(store, "20260101T000000Z", {"head.keras": b"x", "run.json": run.to_bytes()})
    assert {damage.path.rpartition("/")[2] for damage in damaged(store)} == {"head.keras", "gone.png"}


def test_pruning_keeps_the_champions_line_the_last_versions_and_what_they_need(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    digests = [store.blobs.put(f"picture {i}".encode()) for i in range(5)]
    names = [f"2026010{i}T000000Z" for i in range(1, 6)]
    for name, digest in zip(names, digests, strict=True):
        store.features.append("net", [digest], np.ones((1, 4), np.float32))
        published(store, name, digest, champion=names[0] if name == names[2] else None)
    store.features.append("other", [digests[0]], np.ones((1, 4), np.float32))
    versions.promote(store, names[2], None)
    plan = pruning.plan(store, 1)
    assert plan.kept == (names[0], names[2], names[4])
    assert len(versions.names(store)) == 5  # a plan changes nothing
    assert plan.usage["blobs"].files == 2
    assert plan.usage["features"].files == 3
    done = pruning.prune(store, 1, lambda _: None)
    assert done == plan
    assert tuple(versions.names(store)) == plan.kept
    assert [store.blobs.has(digest) for digest in digests] == [True, False, True, False, True]
    assert len(store.features.read("net", digests)) == 3
    assert damaged(store) == []
    assert pruning.plan(store, 1).size == 0


def test_what_a_link_shows_today_is_not_pruned(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    digest = store.blobs.put(b"shown today")
    published(store, "20260101T000000Z", store.blobs.put(b"learnt"))
    remembered(store, "http://example.org/a.jpg", digest)
    pruning.prune(store, 1, lambda _: None)
    assert store.blobs.has(digest)
