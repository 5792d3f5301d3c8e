"""What somebody had removed is gone from every byte that a store keeps, and nothing else is."""

import base64
from collections.abc import Sequence

import pandas as pd
import pyarrow as pa
import pytest

from regraft.config import FetchSettings
from regraft.dataset.decision import Decision, DecisionKind
from regraft.dataset.decisions import decide, known_decisions
from regraft.dataset.placeholders import PLACEHOLDERS
from regraft.errors import LinkError, LockedError
from regraft.identity import Digest
from regraft.links.mementos import MEMENTOS, known_mementos, put_mementos
from regraft.links.memory import all_known_links
from regraft.links.removals import Kind, hash_of_host, hash_of_link, known_removals, known_rows
from regraft.pictures.colours import rgb
from regraft.reporting.examples import jpeg_uri
from regraft.reporting.history import history
from regraft.reporting.review import reviewed, waiting
from regraft.store.store import Store
from regraft.store.version import Version
from regraft.upkeep.decide import KnownPictures, decisions_on
from regraft.upkeep.remove import finish, plan, remove
from regraft.upkeep.verify import verify
from regraft.upkeep.wanted import wanted_of
from tests.upkeep.pictured import BACKBONE, NAMES, NOW, SPLITS, picture, put_pictures, remember, url_of
from tests.upkeep.removing import WHY, damages, everything, removed

TABLES = ("links.parquet", "manifest.parquet", "predictions.parquet", "holdout.parquet")


def test_a_link_goes_with_its_picture_from_every_table_page_and_byte(drawn_store: Store, digests: list[Digest]) -> None:
    assert url_of(4) in everything(drawn_store)
    receipt = removed(drawn_store, url_of(4))
    left = everything(drawn_store)
    assert url_of(4) not in left
    assert digests[4] not in left
    assert digests[4][2:] not in left
    assert not drawn_store.blobs.has(digests[4])
    assert set(Store(drawn_store.url).features.read(BACKBONE, digests)) == set(digests) - {digests[4]}
    for name in NAMES:
        version = Version(Store(drawn_store.url), name)
        assert len(version.table("links.parquet")) == len(SPLITS) - 1
        assert len(version.table("manifest.parquet")) == len(SPLITS) - 1
    assert damages(Store(drawn_store.url)) == []
    assert receipt.count == {Kind.PICTURE: 1, Kind.LINK: 1, Kind.HOST: 0, Kind.SPARED: 0}
    assert [row.hash for row in known_rows(drawn_store) if row.kind is Kind.LINK] == [hash_of_link(url_of(4))]


def test_the_others_stay_as_they_were(store: Store, digests: list[Digest]) -> None:
    before = {file: Version(store, NAMES[0]).table(file) for file in TABLES}
    removed(store, digests[4])
    after = Version(Store(store.url), NAMES[0])
    for file in TABLES:
        stays = before[file][before[file]["digest"] != digests[4]].reset_index(drop=True)
        pd.testing.assert_frame_equal(after.table(file), stays)
    assert len(all_known_links(store)) == len(SPLITS) - 1
    assert known_decisions(store)["digest"].tolist() == [digests[0]]


def test_thumbnails_go_and_the_plot_of_examples_is_drawn_anew(drawn_store: Store, digests: list[Digest]) -> None:
    report, sheet = (Version(drawn_store, NAMES[0]).read(file) for file in ("report.html", "plots/examples.png"))
    removed(drawn_store, digests[4])
    version = Version(Store(drawn_store.url), NAMES[0])
    assert damages(version.store) == []
    now, drawn = version.read("report.html").decode(), version.read("plots/examples.png")
    assert report.count(b"data:image/jpeg") == 2 * len(SPLITS) + 1
    assert now.count("data:image/jpeg") == 2 * len(SPLITS) - 1
    assert jpeg_uri(sheet) not in now
    assert jpeg_uri(drawn) in now
    assert drawn != sheet
    assert base64.b64encode(sheet).decode() not in now
    assert base64.b64encode(drawn).decode() in now
    assert "removed from this version on 2026-02-01" in now


def test_every_picture_can_go(drawn_store: Store, digests: list[Digest]) -> None:
    removed(drawn_store, *digests)
    store = Store(drawn_store.url)
    assert damages(store) == []
    for name in NAMES:
        version = Version(store, name)
        assert version.table("manifest.parquet").empty
        assert waiting(reviewed(version, version.opened)) == []
    assert rgb(Version(store, NAMES[0]).read("plots/examples.png")).ndim == 3


def test_what_learnt_from_it_is_named_and_marked(store: Store, digests: list[Digest]) -> None:
    receipt = removed(store, digests[0], digests[4])  # of the splits train and test
    assert [(its.version, its.pictures, its.learnt, its.is_champion) for its in receipt.learnt] == [
        (NAMES[0], 2, 1, False),
        (NAMES[1], 2, 1, True),
    ]
    assert [row.removed for row in history(store)] == [1, 1]
    run, card = Version(store, NAMES[1]).run, Version(store, NAMES[1]).read("MODEL_CARD.md").decode()
    assert "The head had learnt from 1 of them" in card
    assert run.removals[0].removed_at == NOW
    assert run.removals[0].files["manifest.parquet"].after == run.files["manifest.parquet"]


def test_a_host_goes_with_all_its_links(store: Store, digests: list[Digest]) -> None:
    receipt = removed(store, "HOST1.example")
    assert receipt.count[Kind.PICTURE] == 3
    assert "host1.example" not in everything(store)
    assert [store.blobs.has(digest) for digest in digests] == [True] * 3 + [False] * 3
    assert [row.hash for row in known_rows(store) if row.kind is Kind.HOST] == [hash_of_host("host1.example")]
    assert known_removals(store).has_link("https://host1.example:443/new.jpg")


def test_however_a_link_is_written_it_is_the_same_link(store: Store) -> None:
    removed(store, "HTTP://HOST1.example:80/cat/./4.jpg#top")
    assert url_of(4) not in everything(store)
    assert known_removals(store).has_link(url_of(4))
    assert not known_removals(store).has_link(url_of(5))


def test_a_placeholder_stays_where_a_link_that_shows_it_goes(store: Store, digests: list[Digest]) -> None:
    table = all_known_links(store)
    remember(store, table.assign(reason="placeholder", verdict="junk"))
    row = (digests[5], "", "", 0, 0, NOW)
    store.tables.write("links/placeholders.parquet", pd.DataFrame([row], columns=PLACEHOLDERS.names), PLACEHOLDERS)
    receipt = removed(store, url_of(5))
    assert receipt.count == {Kind.PICTURE: 0, Kind.LINK: 1, Kind.HOST: 0, Kind.SPARED: 0}
    assert store.blobs.has(digests[5])
    assert url_of(5) not in everything(store)
    assert removed(store, digests[5]).count[Kind.PICTURE] == 1  # unless it is meant
    assert not store.blobs.has(digests[5])


def test_what_looks_like_it_is_offered_and_stays(store: Store, digests: list[Digest]) -> None:
    copy = store.blobs.put(store.blobs.read(digests[4]) + b"\0")
    rows = all_known_links(store)
    twin = rows[rows["digest"] == digests[4]].assign(url="http://other.example/copy.jpg", digest=copy)
    remember(store, twin)
    offered = plan(store, [wanted_of(digests[4])]).copies
    assert offered[["url", "digest", "distance"]].to_numpy().tolist() == [["http://other.example/copy.jpg", copy, 0]]
    removed(store, digests[4])
    assert store.blobs.has(copy)
    assert known_removals(store).spared == {copy}
    assert damages(store) == []
    removed(store, copy)
    assert not store.blobs.has(copy)


def test_what_looks_like_it_goes_too_where_that_is_wanted(store: Store, digests: list[Digest]) -> None:
    copy = store.blobs.put(store.blobs.read(digests[4]) + b"\0")
    rows = all_known_links(store)
    remember(store, rows[rows["digest"] == digests[4]].assign(url="http://other.example/copy.jpg", digest=copy))
    removed(store, digests[4], near_duplicates=True)
    assert not store.blobs.has(copy)
    assert copy not in everything(store)


def test_without_a_word_of_it_nothing_changes_unless_that_is_meant(store: Store) -> None:
    before = {path: store.disk.read(path) for path in store.disk.sizes("") if "lock" not in path}
    for word in ("http://nowhere.example/1.jpg", "nowhere.example", "0" * 64, "0" * 8):
        with pytest.raises(LinkError, match="nothing was changed"):
            removed(store, word)
    assert {path: store.disk.read(path) for path in store.disk.sizes("") if "lock" not in path} == before
    removed(store, "http://nowhere.example/1.jpg", "0" * 64, ahead=True)
    assert known_removals(store).has_link("http://nowhere.example/1.jpg")
    assert known_removals(store).has_picture("0" * 64)


def test_what_an_archive_kept_of_a_link_goes_with_it_though_no_version_showed_it(store: Store) -> None:
    kept = store.blobs.put(picture(9))
    row = {"url": url_of(4), "reason": "", "digest": kept, "memento": f"http://archive.example/{url_of(4)}"}
    put_mementos(store, pa.Table.from_pylist([row], schema=MEMENTOS).to_pandas())
    removed(store, url_of(4))
    assert not store.blobs.has(kept)
    assert known_mementos(store).empty
    assert removed(store, kept).count[Kind.PICTURE] == 1  # it is known, as removed


def test_nothing_is_removed_while_a_run_is_under_way(store: Store, digests: list[Digest]) -> None:
    with store.run(), pytest.raises(LockedError):
        removed(Store(store.url), digests[0])
    assert store.blobs.has(digests[0])


def test_a_damaged_table_of_a_version_goes_whole(store: Store, digests: list[Digest]) -> None:
    store.disk.write(f"versions/{NAMES[0]}/predictions.parquet", b"rot")
    receipt = removed(store, digests[4])
    assert receipt.files[f"versions/{NAMES[0]}/predictions.parquet"].after is None
    assert damages(Store(store.url)) == []


def test_that_a_repair_removes_a_damaged_table_for_good_is_said_before(store: Store, digests: list[Digest]) -> None:
    removed(store, digests[4])
    path, other = (f"versions/{name}/links.parquet" for name in NAMES)
    whole = store.disk.read(path)
    for each in (path, other):  # else the one is mended by the other
        store.disk.write(each, b"rot")

    def of_table(repair: bool) -> list[tuple[str, str]]:
        damaged = verify(Store(store.url), repair, FetchSettings(), lambda path: None)
        return [(damage.what, damage.mended) for damage in damaged if damage.path == path]

    ((what, mended),) = of_table(repair=False)
    assert "no other version has the same. Runs step over it. Nobody can tell" in what
    assert "`--repair` removes it for good; put a copy from a backup here" in what
    assert mended == ""
    store.disk.write(path, whole)
    assert of_table(repair=True) == []
    assert store.disk.read(other) == whole
    for each in (path, other):
        store.disk.write(each, b"rot")
    assert [mended for _, mended in of_table(repair=True)] == ["removed for good"]
    assert not store.disk.exists(path)
    assert damages(Store(store.url)) == []


def test_prefect_is_asked_once_for_all_versions_that_lost_something(store: Store, digests: list[Digest]) -> None:
    calls: list[list[str]] = []

    def ask(names: Sequence[str]) -> str:
        calls.append(list(names))
        return "It was asked."

    receipt = remove(store, [wanted_of(digests[4])], WHY, ask_prefect=ask, now=NOW)
    assert receipt.prefect == "It was asked."
    assert calls == [list(NAMES)]
    with store.held():
        assert finish(store, ask) is None


def test_a_decision_on_what_is_removed_in_that_moment_is_kept_nowhere(store: Store, digests: list[Digest]) -> None:
    pictures = KnownPictures(store)
    wish = Decision(kind=DecisionKind.REJECT, decided_at=NOW, why="no cat")
    late, other = (decisions_on(url_of(number), wish, pictures) for number in (4, 0))
    removed(store, url_of(4))
    with pytest.raises(LinkError, match="just had it removed"):
        decide(store, [*late, *other], known=pictures.decisions)
    assert url_of(4) not in everything(store)
    assert damages(store) == []
    assert [decision.url for decision in decide(store, other)] == [url_of(0)]


def test_a_version_of_before_there_were_digests_loses_it_too(store: Store, digests: list[Digest]) -> None:
    for name in NAMES:
        run = Version(store, name).run
        store.disk.write(f"versions/{name}/run.json", run.model_copy(update={"files": {}}).to_bytes())
    removed(Store(store.url), digests[4])
    assert digests[4] not in everything(store)
    assert Version(store, NAMES[0]).run.removals[0].pictures == 1
    assert damages(Store(store.url)) == []


def test_a_version_whose_run_cannot_be_read_loses_it_too(store: Store, digests: list[Digest]) -> None:
    store.disk.write(f"versions/{NAMES[0]}/run.json", b"{")
    removed(Store(store.url), digests[4])
    assert digests[4] not in everything(store)
    assert damages(Store(store.url)) == [f"versions/{NAMES[0]}/run.json"]


@pytest.mark.server
def test_in_a_bucket_it_is_the_same(bucket: str) -> None:
    store = Store(f"{bucket}/store")
    digests = put_pictures(store)
    receipt = removed(store, url_of(4))
    assert receipt.files[store.blobs.at(digests[4]).path].after is None
    assert not store.blobs.has(digests[4])
    assert all(len(Version(Store(store.url), name).table("manifest.parquet")) == len(SPLITS) - 1 for name in NAMES)
    assert damages(Store(store.url)) == []
