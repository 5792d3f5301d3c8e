"""Stores checked, and mended where that can be done."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from regraft.config import FetchSettings
from regraft.dataset.decisions import decide, known_decisions
from regraft.errors import StoreError
from regraft.identity import Digest, digest_of
from regraft.links.shards import layout_for, path_of, put_in_layout
from regraft.store import versions
from regraft.store.layout import Layout
from regraft.store.store import Store
from regraft.store.tables import parquet
from regraft.upkeep.damage import Damage
from regraft.upkeep.verify import SCHEMAS, verify
from tests.dataset.decided import decision
from tests.hostile import ok, serving
from tests.records import run_record
from tests.upkeep.stores import JANUARY, know_link, publish_version

DIGEST = Digest("a" * 64)


def damaged(store: Store, repair: bool = False, fetch: FetchSettings | None = None) -> list[Damage]:
    return list(verify(store, repair, fetch or FetchSettings(), lambda path: None))


def test_a_sound_store_has_no_damage(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    digest = store.blobs.put(b"picture")
    store.features.append("net", [digest], np.ones((1, 4), np.float32))
    publish_version(store, JANUARY[0], digest, promoted=True)
    versions.promote(store, JANUARY[0], None)
    assert damaged(store) == []


def test_what_a_run_publishes_while_a_store_is_checked_is_no_damage(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.blobs.put(b"picture")

    def publish(path: str) -> None:
        if path.startswith("blobs/"):
            publish_version(store, JANUARY[0], store.blobs.put(b"another"), promoted=True)
            versions.promote(store, JANUARY[0], None)

    assert list(verify(store, False, FetchSettings(), publish)) == []


@pytest.mark.server
def test_a_damaged_blob_is_fetched_again_where_a_link_still_serves_it(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    digest = store.blobs.put(b"picture")
    path = tmp_path / "blobs" / digest[:2] / digest[2:]
    path.write_bytes(b"rot")
    with serving(lambda talk: talk.say(ok(b"picture"))) as server:
        know_link(store, f"http://127.0.0.1:{server.port}/a.jpg", digest)
        assert [damage.mended for damage in damaged(store)] == [""]
        assert path.read_bytes() == b"rot"  # without --repair nothing is touched
        damages = damaged(store, True, FetchSettings(allow=(f"127.0.0.1:{server.port}",)))
    assert "fetched again" in damages[0].mended
    assert store.blobs.read(digest) == b"picture"


def test_a_blob_that_nobody_serves_any_more_stays_damage(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    digest = store.blobs.put(b"picture")
    publish_version(store, JANUARY[0], digest)
    store.disk.delete(f"blobs/{digest[:2]}/{digest[2:]}")
    assert [(d.what, d.mended) for d in damaged(store, True)] == [("it is gone, and versions name it", "")]


def test_damaged_features_are_dropped_to_be_computed_again(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.features.append("net", [DIGEST], np.ones((1, 4), np.float32))
    part = next((tmp_path / "features" / "net").iterdir())
    part.write_bytes(part.read_bytes()[:-9])
    assert store.features.read("net", [DIGEST]) == {}
    assert "computes them again" in damaged(store, True)[0].mended
    assert damaged(store) == []


def test_an_endless_link_in_the_place_of_features_is_removed(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.features.append("net", [DIGEST], np.ones((1, 4), np.float32))
    part = next((tmp_path / "features" / "net").glob("*.npy"))
    part.unlink()
    part.symlink_to(part.name)
    [damage] = damaged(store, True)
    assert (damage.what, bool(damage.mended)) == ("it is no file that can be read", True)
    assert not part.is_symlink()
    assert damaged(store) == []


def test_a_damaged_index_of_features_is_made_again_from_them(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.features.append("net", [DIGEST], np.ones((1, 4), np.float32))
    assert store.features.known("net", [DIGEST]) == {DIGEST}
    [index] = store.features.indexes
    store.disk.write(index.path, b"rot")
    assert [(damage.path, damage.mended) for damage in damaged(store)] == [(index.path, "")]
    assert "makes it again" in damaged(store, True)[0].mended
    assert damaged(store) == []
    assert Store(str(tmp_path)).features.known("net", [DIGEST]) == {DIGEST}
    assert [again.path for again in store.features.indexes] == [index.path]


def test_a_pointer_to_nothing_is_pointed_at_the_newest_that_became_champion(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    digest = store.blobs.put(b"picture")
    publish_version(store, JANUARY[0], digest, promoted=True)
    publish_version(store, JANUARY[1], digest)
    pointers = {
        b'{"version": "20250101T000000Z"}': "it names 20250101T000000Z, which is no version",
        b"{": "damaged",
        b"[]": "damaged",
        b"": "it is gone",
    }
    for pointer, what in pointers.items():
        store.disk.write(versions.CHAMPION, pointer)
        if not pointer:
            store.disk.delete(versions.CHAMPION)
        assert what in damaged(store)[0].what
        assert damaged(store)[0].mended == ""
        assert JANUARY[0] in damaged(store, True)[0].mended
        assert damaged(store) == []


def test_a_published_file_that_changed_or_is_gone_is_damage(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    run = run_record(files={"head.keras": "00", "gone.png": "00"})
    versions.publish(store, JANUARY[0], {"head.keras": b"x", "run.json": run.to_bytes()})
    assert {damage.path.rpartition("/")[2] for damage in damaged(store)} == {"head.keras", "gone.png"}


def test_a_version_whose_run_cannot_be_read_is_damage(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    versions.publish(store, JANUARY[0], {"run.json": b"{"})
    [damage] = damaged(store)
    assert damage.path == f"versions/{JANUARY[0]}/run.json"
    assert "damaged" in damage.what


def test_a_damaged_draft_is_dropped(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    digest = store.drafts.put(b"head")
    assert damaged(store) == []
    store.disk.write(f"drafts/{digest[:2]}/{digest[2:]}", b"other")
    assert [damage.mended for damage in damaged(store)] == [""]
    assert [damage.mended for damage in damaged(store, True)] == ["removed"]
    assert damaged(store) == []


def test_features_that_are_no_numbers_are_damage(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.features.append("net", [DIGEST], np.array([[1, np.nan]], np.float32))
    assert "not finite" in damaged(store)[0].what


@pytest.mark.parametrize("file", ["blobs/ab/leftover.part", "features/net/leftover.part"])
def test_what_a_crash_left_among_whole_files_is_damage(tmp_path: Path, file: str) -> None:
    store = Store(str(tmp_path))
    store.disk.write(file, b"half of a")
    assert [damage.path for damage in damaged(store)] == [file]
    damaged(store, True)
    assert not store.disk.exists(file)


def test_progress_hears_of_every_file(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    digest = store.blobs.put(b"picture")
    store.features.append("net", [digest], np.ones((1, 4), np.float32))
    paths: list[str] = []
    assert list(verify(store, False, FetchSettings(), paths.append)) == []
    assert [path.partition("/")[0] for path in paths] == ["blobs", "features"]


def test_a_store_that_is_not_there_is_not_a_sound_one(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="There is no store at"):
        damaged(Store(str(tmp_path / "misspelt")))


def test_a_damaged_table_of_links_is_removed_to_be_made_again(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    know_link(store, "http://example.org/a.jpg", DIGEST)
    [path] = (path for path in store.disk.sizes("links") if path.endswith(".parquet"))
    store.disk.write(path, store.disk.read(path)[:-9])
    assert [(damage.path, damage.mended) for damage in damaged(store)] == [(path, "")]
    assert "asks its links again" in damaged(store, True)[0].mended
    assert damaged(store) == []


@pytest.mark.parametrize("path", [path_of("http://example.org/a.jpg", Layout()), *SCHEMAS])
def test_a_table_with_other_columns_than_it_is_read_with_is_damaged(tmp_path: Path, path: str) -> None:
    store = Store(str(tmp_path))
    know_link(store, "http://example.org/a.jpg", DIGEST)
    store.disk.write(path, parquet(pd.DataFrame({"URL": ["http://example.org/a.jpg"]})))
    assert [damage.path for damage in damaged(store)] == [path]
    assert damaged(store, True)[0].mended
    assert damaged(store) == []


@pytest.mark.parametrize("data", [b"{", b"[" * 100_000])
@pytest.mark.parametrize(("has_copy", "mended"), [(True, "from its copy"), (False, "asks all links again")])
def test_a_damaged_store_json_is_mended(tmp_path: Path, has_copy: bool, mended: str, data: bytes) -> None:
    store = Store(str(tmp_path))
    put_in_layout(store, layout := layout_for(["http://example.org/a.jpg"], (), None))
    assert damaged(store) == []
    store.disk.write("store.json", data)
    if not has_copy:
        store.disk.delete(f"{layout.folder}/layout.json")
    assert [(damage.path, damage.mended) for damage in damaged(store)] == [("store.json", "")]
    assert mended in damaged(store, True)[0].mended
    assert damaged(store) == []
    assert store.layout == (layout if has_copy else None)


def test_a_versions_file_is_put_back_from_another_version_that_has_the_same(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    for name in JANUARY[:2]:
        files = {"head.keras": b"the same head", "report.html": name.encode()}
        run = run_record(files={file: digest_of(data) for file, data in files.items()})
        versions.publish(store, name, files | {"run.json": run.to_bytes()})
    store.disk.delete(f"versions/{JANUARY[0]}/head.keras")
    store.disk.write(f"versions/{JANUARY[0]}/report.html", b"rot")
    head, report = damaged(store, True)
    assert head.mended == f"put back from versions/{JANUARY[1]}/head.keras, which is the same"
    assert (report.path, report.mended) == (f"versions/{JANUARY[0]}/report.html", "")
    assert "no other version has the same" in report.what
    assert [damage.path for damage in damaged(store)] == [report.path]


def test_what_no_repair_can_mend_is_not_called_mendable(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    twins = {JANUARY[0]: b"a head", JANUARY[1]: b"a head", JANUARY[2]: b"another"}
    for name, head in twins.items():
        run = run_record(files={"head.keras": digest_of(head)})
        versions.publish(store, name, {"head.keras": b"rot", "run.json": run.to_bytes()})
    store.disk.write(f"versions/{JANUARY[1]}/head.keras", b"a head")
    store.disk.write(f"versions/{JANUARY[3]}/run.json", b"{")
    store.disk.write(versions.CHAMPION, b"{")
    store.disk.write("receipts/20260101T000000Z.json", b"{")
    assert {damage.path: damage.may_be_mended for damage in damaged(store)} == {
        f"versions/{JANUARY[0]}/head.keras": True,
        f"versions/{JANUARY[2]}/head.keras": False,
        f"versions/{JANUARY[3]}/run.json": False,
        versions.CHAMPION: False,
        "receipts/20260101T000000Z.json": False,
        "removals.parquet": False,
    }
    assert {damage.path for damage in damaged(store, repair=True) if damage.mended} == {
        f"versions/{JANUARY[0]}/head.keras"
    }


def test_a_damaged_file_of_decisions_is_named_and_removed_where_it_is_repaired(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    decide(store, [decision("reject", "a")])
    decide(store, [decision("reject", "b")])
    assert damaged(store) == []
    file = tmp_path / "decisions" / "00000001.json"
    file.write_bytes(file.read_bytes().replace(b"reject", b"accept"))
    [damage] = damaged(store)
    assert (damage.path, damage.mended) == ("decisions/00000001.json", "")
    assert "decide again" in damaged(store, repair=True)[0].mended
    assert damaged(store) == []
    assert known_decisions(store)["digest"].tolist() == ["b"]
