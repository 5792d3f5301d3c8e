"""Features are found again by backbone and digest, row by row; damaged ones count as unknown."""

import hashlib
import io
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from regraft.errors import CorruptError
from regraft.identity import Digest
from regraft.store import feature_rows
from regraft.store.feature_parts import Part
from regraft.store.store import Store

ROWS = np.arange(6, dtype=np.float32).reshape(2, 3)
A, B, C, D = map(Digest, "abcd")


def test_features_are_found_again_and_a_damaged_part_counts_as_unknown(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    store.features.append("fp", [A, B], ROWS)
    [part] = store.features.parts("fp")
    store.features.append("fp", [C], ROWS[:1])
    [other] = set(store.features.parts("fp")) - {part}
    flipped = bytearray(store.disk.read(other.path))
    flipped[len(flipped) // 2] ^= 1
    store.disk.write(other.path, bytes(flipped))
    with caplog.at_level("WARNING", "regraft"):
        features = store.features.read("fp", [B, C])
    assert f"{other.path} is damaged" in caplog.text
    store.disk.write("features/fp/broken.parquet", b"PAR1 nonsense")
    features = store.features.read("fp", [B, C])
    assert list(features) == [B]
    assert features[B].tolist() == [3, 4, 5]


def test_features_of_another_backbone_are_others(store: Store) -> None:
    store.features.append("one", [A], ROWS[:1])
    store.features.append("two", [A], ROWS[1:])
    assert store.features.read("two", [A])[A].tolist() == [3, 4, 5]
    assert store.features.read("three", [A]) == {}


def test_features_of_more_than_one_block_are_read_too(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_rows, "BLOCK_BYTES", 1)
    store.features.append("fp", [A, B], ROWS)
    features = store.features.read("fp", [C, B, A])
    assert {digest: row.tolist() for digest, row in features.items()} == {B: [3, 4, 5], A: [0, 1, 2]}


def test_parts_say_whose_features_they_hold_and_are_deleted(store: Store) -> None:
    store.features.append("one", [A, B], ROWS)
    store.features.append("two", [C, D], ROWS)
    first, second = store.features
    assert (first.fingerprint, first.digests(), second.digests()) == ("one", {A, B}, {C, D})
    digests, rows = first.read()
    assert (digests, rows.tolist()) == ([A, B], ROWS.tolist())
    assert first.size == len(store.disk.read(first.path))
    first.delete()
    assert list(store.features) == [second]
    store.disk.write(second.path, b"other")
    with pytest.raises(CorruptError, match="features/two"):
        second.read()


def names(store: Store, ending: str) -> list[str]:
    """The files of the backbone `fp` whose names end so."""
    return [name for name in store.disk.names("features/fp") if name.endswith(ending)]


def digests(count: int) -> list[Digest]:
    return [Digest(hashlib.sha256(b"%d" % number).hexdigest()) for number in range(count)]


def numbered(count: int) -> np.ndarray:
    """Features that are told apart by their first number."""
    return np.column_stack([np.arange(count), np.zeros(count)]).astype(np.float32)


def calls(monkeypatch: pytest.MonkeyPatch, owner: Any, method: str) -> list[tuple[Any, ...]]:
    """The arguments of all calls of a method from now on."""
    arguments, original = list[tuple[Any, ...]](), getattr(owner, method)

    def noted(*of_call: Any) -> Any:
        arguments.append(of_call)
        return original(*of_call)

    monkeypatch.setattr(owner, method, noted)
    return arguments


def flip(store: Store, path: str, place: int) -> None:
    """Change one bit of a file's byte."""
    data = bytearray(store.disk.read(path))
    data[place] ^= 1
    store.disk.write(path, bytes(data))


def old_part(digests: list[Digest], rows: np.ndarray) -> tuple[str, bytes]:
    """A part as earlier Regrafts wrote it: its path and its bytes."""
    file = io.BytesIO()
    values = pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), rows.shape[1])
    pq.write_table(pa.table({"digest": digests, "features": values}), file, compression="zstd")
    data = file.getvalue()
    return f"features/fp/{hashlib.sha256(data).hexdigest()[:16]}.parquet", data


def test_rows_come_in_any_order_from_any_parts(store: Store) -> None:
    known = digests(40)
    for start in range(0, 40, 8):
        store.features.append("fp", known[start : start + 8], numbered(40)[start : start + 8])
    order = np.random.default_rng(0).permutation(40)
    rows = Store(store.url).features.rows("fp", [known[number] for number in order])
    assert rows.shape == (40, 2)
    assert rows.read(np.arange(40))[:, 0].tolist() == order.tolist()
    assert rows.read(np.array([7, 7, 0]))[:, 0].tolist() == order[[7, 7, 0]].tolist()
    assert rows.read(np.array([], dtype=np.int64)).shape == (0, 2)


def test_rows_as_stored_come_part_by_part(store: Store) -> None:
    store.features.append("fp", [A, C], ROWS)
    store.features.append("fp", [B, D], ROWS + 10)
    rows = store.features.rows("fp", [D, C, B, A])
    in_order = rows.reading_order(np.array([0, 1, 2]))
    assert in_order.tolist() in ([1, 2, 0], [2, 0, 1]), "those of a part side by side, as they lie there"
    assert rows.read(in_order).tolist() == [rows.read(np.array([row]))[0].tolist() for row in in_order]


def test_what_is_not_known_is_a_key_error_that_names_the_digest(store: Store) -> None:
    store.features.append("fp", [A, B], ROWS)
    with pytest.raises(KeyError, match=C):
        store.features.rows("fp", [A, C, B])
    assert store.features.known("fp", [A, C]) == {A}
    assert store.features.rows("fp", []).shape == (0, 0)


@pytest.mark.parametrize("damage", ["lost", "flipped", "emptied", "of other parts"])
def test_an_index_that_is_lost_or_damaged_is_made_anew(store: Store, damage: str) -> None:
    store.features.append("fp", [A, B], ROWS)
    assert store.features.known("fp", [A, B]) == {A, B}
    [index] = names(store, ".index")
    path = f"features/fp/{index}"
    match damage:
        case "lost":
            store.disk.delete(path)
        case "flipped":
            flip(store, path, 40)
        case "emptied":
            store.disk.write(path, b"")
        case "of other parts":
            [part] = names(store, ".npy")
            store.disk.delete(f"features/fp/{part}")
            store.features.append("fp", [B, A], ROWS)
    features = Store(store.url).features
    expected = [3, 4, 5] if damage != "of other parts" else [0, 1, 2]
    assert features.read("fp", [A, B])[B].tolist() == expected
    assert len(names(store, ".index")) == 1


def test_only_the_parts_that_hold_what_is_wanted_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, known = Store(str(tmp_path)), digests(40)
    for start in range(0, 40, 8):
        store.features.append("fp", known[start : start + 8], numbered(40)[start : start + 8])
    assert len(store.features.known("fp", known)) == 40
    later = Store(str(tmp_path))
    read, opened = calls(monkeypatch, later.disk, "read"), calls(monkeypatch, Part, "opened")
    assert later.features.read("fp", known[3:5])[known[4]][0] == 4
    assert [path.rpartition(".")[2] for [path] in read] == ["index"]
    assert len({part.name for part, _ in opened}) == 1


def test_a_part_that_was_damaged_after_it_was_indexed_counts_as_unknown(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    store.features.append("fp", [A, B], ROWS)
    store.features.append("fp", [C], ROWS[:1])
    assert store.features.known("fp", [A, B, C]) == {A, B, C}
    for part in store.features.parts("fp"):
        if A in part.digests():
            flip(store, part.path, -6)  # in the last row's features
    later = Store(store.url).features
    assert set(later.read("fp", [A, B, C])) == {C}
    assert "computed again" in caplog.text
    later.append("fp", [B], ROWS[1:])
    assert later.read("fp", [B])[B].tolist() == [3, 4, 5]
    assert set(Store(store.url).features.read("fp", [B, C])) == {B, C}


@pytest.mark.parametrize("cut", [0, 60, -9])
def test_a_part_that_was_cut_short_after_it_was_indexed_counts_as_unknown(store: Store, cut: int) -> None:
    store.features.append("fp", [A, B], ROWS)
    assert store.features.known("fp", [A, B]) == {A, B}
    [part] = store.features.parts("fp")
    store.disk.write(part.path, store.disk.read(part.path)[:cut])
    assert Store(store.url).features.known("fp", [A, B]) == set()


def test_parts_of_earlier_regrafts_are_stored_anew_once(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    for rows, known in ((ROWS, [A, B]), (ROWS[:1], [C])):
        store.disk.write(*old_part(known, rows))
    store.features.append("fp", [D], ROWS[1:])
    with caplog.at_level("INFO", "regraft"):
        features = store.features.read("fp", [A, B, C, D])
        assert Store(store.url).features.read("fp", [A, B, C, D]).keys() == features.keys()
    assert [features[digest][0] for digest in (A, B, C, D)] == [0, 3, 0, 3]
    assert len(caplog.messages) == 1
    assert "stored anew" in caplog.messages[0]
    assert names(store, ".parquet") == []
    assert len(names(store, ".npy")) == 3


def test_of_a_digest_in_many_parts_the_first_counts_and_each_is_checked_by_itself(store: Store) -> None:
    known = digests(30)
    for number in range(30):
        store.features.append("fp", [known[number], A], np.full((2, 3), number, np.float32))
        assert store.features.read("fp", [A])[A].tolist() == [0, 0, 0]
    assert store.features.read("fp", [*known, A])[known[29]].tolist() == [29, 29, 29]
    assert Store(store.url).features.read("fp", [A])[A].tolist() == [0, 0, 0]
    for part in store.features.parts("fp"):
        flip(store, part.path, -6)  # in the features of A
    assert Store(store.url).features.known("fp", [A, *known]) == set()


def test_rows_are_read_again_where_a_copy_of_their_part_was_removed_meanwhile() -> None:
    store, known = Store(f"memory://{uuid.uuid4().hex}"), digests(8)
    store.features.append("fp", known, numbered(8))
    rows = store.features.rows("fp", known)
    assert rows.read(np.array([3]))[0, 0] == 3
    store.features.forget_copies()
    assert rows.read(np.array([5, 2]))[:, 0].tolist() == [5, 2]


def test_a_store_that_grows_part_by_part_writes_few_indexes(monkeypatch: pytest.MonkeyPatch) -> None:
    store, known = Store(f"memory://{uuid.uuid4().hex}"), digests(200)
    written = calls(monkeypatch, store.disk, "write")
    for number, digest in enumerate(known):
        assert store.features.known("fp", [digest]) == set()
        store.features.append("fp", [digest], numbered(200)[number : number + 1])
    assert len([path for path, _ in written if path.endswith(".index")]) < 40
    assert len(Store(store.url).features.known("fp", known)) == 200
