"""A published version never changes, and the champion moves by compare-and-swap."""

from datetime import timedelta

import pandas as pd
import pytest

from regraft.errors import DamagedVersionError, StoreError, VersionError
from regraft.identity import digest_of
from regraft.store import versions
from regraft.store.run_record import PrefectRun
from regraft.store.store import Store
from regraft.store.tables import parquet
from regraft.store.version import VERSION_NAME, published_at
from tests.records import metrics_record, run_record

A, B, C = "20260101T000000Z", "20260102T000000Z", "20260103T000000Z"


def test_a_published_version_never_changes_and_the_pointer_moves_by_compare_and_swap(store: Store) -> None:
    versions.publish(store, A, {"run.json": b"{}", "plots/x.png": b"x"})
    versions.publish(store, B, {"run.json": b"{}"})
    with pytest.raises(StoreError, match="never changes"):
        versions.publish(store, A, {"run.json": b"{}"})
    assert versions.names(store) == [A, B]
    versions.promote(store, A, None)
    with pytest.raises(StoreError, match="left alone"):
        versions.promote(store, B, None)
    champion = versions.champion(store)
    assert champion is not None
    assert champion.name == A
    with pytest.raises(VersionError):
        versions.promote(store, "20990101T000000Z", A)


def test_a_version_is_found_by_a_word_or_the_beginning_of_its_name(store: Store) -> None:
    for name in (A, B):
        versions.publish(store, name, {"run.json": b"{}"})
    with pytest.raises(VersionError, match="no champion"):
        versions.named(store, "champion")
    versions.promote(store, A, None)
    with pytest.raises(VersionError, match="no champion before"):
        versions.named(store, "previous")
    versions.promote(store, B, A)
    words = ("newest", "champion", "previous", "20260101")
    assert [versions.named(store, word).name for word in words] == [B, B, A, A]
    with pytest.raises(VersionError, match="no one version"):
        versions.named(store, "2026")


@pytest.mark.parametrize(
    "pointer", [b"", b"{", b"[]", b"{}", b'{"version": null}', b'{"version": "20260101T000000Z", "previous": 7}']
)
def test_a_damaged_pointer_is_said_to_be_damaged(store: Store, pointer: bytes) -> None:
    store.disk.write(versions.CHAMPION, pointer)
    for read in (versions.champion, versions.previous):
        with pytest.raises(VersionError, match="damaged"):
            read(store)


def test_where_the_pointer_is_gone_the_newest_that_became_champion_is_in_use(store: Store) -> None:
    for name, promoted in ((A, True), (B, True), (C, False)):
        metrics = metrics_record(promoted=promoted).to_bytes()
        versions.publish(store, name, {"run.json": run_record().to_bytes(), "metrics.json": metrics})
    assert not versions.has_pointer(store)
    assert versions.named(store, "champion").name == B
    versions.promote(store, B, B)
    with pytest.raises(VersionError, match="no champion before"):
        versions.named(store, "previous")
    store.disk.delete(versions.CHAMPION)
    versions.promote(store, C, B)
    assert [versions.named(store, word).name for word in ("champion", "previous")] == [C, B]


def test_a_deleted_version_is_gone_and_what_a_cut_off_deletion_left_is_none(store: Store) -> None:
    first, second = (versions.publish(store, name, {"run.json": b"{}", "plots/x.png": b"x"}) for name in (A, B))
    assert first.sizes() == {f"versions/{A}/plots/x.png": 1, f"versions/{A}/run.json": 2}
    first.delete()
    assert [version.name for version in versions.published(store)] == [B]
    assert versions.unfinished(store) == []
    store.disk.delete(f"{second.path}/run.json")
    assert versions.names(store) == []
    assert [version.name for version in versions.unfinished(store)] == [B]


def test_a_file_that_a_version_lacks_is_an_error_that_names_it(store: Store) -> None:
    version = versions.publish(store, A, {"run.json": b"{}"})
    assert not version.has("report.html")
    for read in (version.read, version.local_copy):
        with pytest.raises(VersionError, match=r"has no report\.html"):
            read("report.html")
    assert version.address == f"{store.address}/versions/{A}"


def test_names_sort_by_time_and_are_never_taken_twice(store: Store) -> None:
    first = versions.new_name(store)
    versions.publish(store, first, {"run.json": b"{}"})
    second = versions.new_name(store)
    assert VERSION_NAME.fullmatch(second)
    assert first < second


@pytest.mark.parametrize("newest", [A, f"{A}-2", "20991231T235959Z"])
def test_a_version_that_is_made_after_a_clock_went_back_is_the_newest(store: Store, newest: str) -> None:
    versions.publish(store, newest, {"run.json": b"{}"})
    before = published_at(newest) - timedelta(days=300)
    for _ in range(12):
        versions.publish(store, versions.new_name(store, before), {"run.json": b"{}"})
    names = versions.names(store)
    assert (names[0], len(names)) == (newest, 13)
    assert published_at(names[-1]) == published_at(newest) + timedelta(seconds=12)


@pytest.mark.parametrize("name", ["99999999T999999Z", "99991231T235959Z"])
def test_a_name_that_no_clock_has_made_keeps_no_version_from_being_made(store: Store, name: str) -> None:
    versions.publish(store, name, {"run.json": b"{}"})
    assert versions.new_name(store, published_at(A)) == A


def test_the_beginning_of_a_name_promotes_the_version_that_has_it(store: Store) -> None:
    versions.publish(store, A, {"run.json": b"{}"})
    versions.promote(store, A[:8], None)
    assert versions.named(store, "champion").name == A


def test_promoting_the_champion_again_keeps_the_way_back(store: Store) -> None:
    for name in (A, B):
        versions.publish(store, name, {"run.json": b"{}"})
    versions.promote(store, A, None)
    versions.promote(store, B, A)
    versions.promote(store, B, B)
    assert versions.previous(store).name == A


def test_a_file_that_is_not_what_was_published_is_never_returned(store: Store) -> None:
    run = run_record(files={"x": digest_of(b"as published"), "gone": digest_of(b"")})
    version = versions.publish(store, A, {"x": b"as published", "run.json": run.to_bytes()})
    assert version.read("x") == b"as published"
    assert version.has("gone")
    store.disk.write(f"{version.path}/x", b"as it rotted")
    for file in ("x", "gone"):
        with pytest.raises(DamagedVersionError, match=rf"{file}"):
            version.read(file)


def test_a_version_that_was_pruned_meanwhile_is_gone_and_not_damaged(store: Store) -> None:
    version = versions.publish(store, A, {"x": b"x", "run.json": b"{}"})
    version.delete()
    with pytest.raises(VersionError, match=r"not in .* any more") as error:
        version.read("x")
    assert not isinstance(error.value, DamagedVersionError)


def test_a_table_is_that_of_the_newest_version_that_has_it_whole(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    table = pd.DataFrame({"n": [1]})
    versions.publish(store, A, {"t.parquet": parquet(table), "run.json": b"{}"})
    versions.publish(store, B, {"t.parquet": parquet(table)[:-9], "run.json": b"{}"})
    newest = versions.newest_table(store, "t.parquet")
    assert newest is not None
    assert newest.equals(table)
    assert f"t.parquet of version {B} is damaged" in caplog.text
    assert versions.newest_table(store, "none.parquet") is None


def test_the_version_of_a_flow_run_is_found_again(store: Store) -> None:
    run = run_record(prefect=PrefectRun(flow_run_id="our run"))
    versions.publish(store, A, {"run.json": run.to_bytes()})
    versions.publish(store, B, {"run.json": b"{"})
    published = versions.published_by(store, "our run")
    assert published is not None
    assert published.name == A
    assert versions.published_by(store, "another") is None
