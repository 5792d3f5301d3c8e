"""A published version never changes, and the champion moves by compare-and-swap."""

import pytest

from regraft.errors import StoreError, VersionError
from regraft.store import versions
from regraft.store.store import Store

A, B = "20260101T000000Z", "20260102T000000Z"


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


@pytest.mark.parametrize("pointer", [b"", b"{", b"[]", b"{}"])
def test_a_damaged_pointer_is_said_to_be_damaged(store: Store, pointer: bytes) -> None:
    store.disk.write(versions.CHAMPION, pointer)
    for read in (versions.champion, versions.previous):
        with pytest.raises(VersionError, match="damaged"):
            read(store)


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
    assert versions.NAME.fullmatch(second)
    assert first < second
