"""Pictures in the wrong list are found, and none that is merely unlike its own."""

import hashlib

import numpy as np
import pandas as pd
import pytest

from regraft.dataset import chance, edited_references, nearest, neighbours
from regraft.dataset.chance import probabilities_of_right, shares_by_chance, shares_crossing
from regraft.dataset.neighbours import find_misfiled
from regraft.store import feature_rows
from regraft.store.feature_rows import ArrayRows
from tests.store.stored_backwards import StoredBackwards

NAMES = ("cat", "dog", "tiger")
WIDTH = 48


def world(each: int = 60, apart: float = 2.0, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """A manifest of so many pictures a category, and features that tell the categories apart."""
    random = np.random.default_rng(seed)
    digests = [hashlib.sha256(bytes([i % 256, i // 256])).hexdigest() for i in range(3 * each)]
    manifest = pd.DataFrame({"category": np.repeat(NAMES, each), "digest": digests})
    centres = random.normal(0, 1, (3, WIDTH))
    features = random.normal(0, 1, (3 * each, WIDTH)) + apart * np.repeat(centres, each, axis=0)
    return manifest, features.astype(np.float32)


def planted(manifest: pd.DataFrame, rows: list[int], category: str) -> pd.DataFrame:
    """The manifest with some pictures in another list."""
    moved = manifest.copy()
    moved.loc[rows, "category"] = category
    return moved


def test_a_cat_among_the_tigers_is_found_and_nothing_else() -> None:
    manifest, features = world()
    rows = [3, 7, 70]
    misfiled = find_misfiled(planted(manifest, rows, "tiger"), ArrayRows(features)).misfiled
    assert misfiled.index.tolist() == rows
    assert misfiled["digest"].tolist() == manifest["digest"][rows].tolist()
    assert (misfiled["category"].tolist(), misfiled["like"].tolist()) == (["tiger"] * 3, ["cat", "cat", "dog"])
    assert find_misfiled(manifest, ArrayRows(features)).misfiled.empty


def test_it_does_not_matter_in_which_order_features_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    manifest, features = world()
    planted_in = planted(manifest, [3, 7, 70], "tiger")
    at_once = find_misfiled(planted_in, ArrayRows(features))
    monkeypatch.setattr(feature_rows, "BLOCK_BYTES", 4 * WIDTH * 7)
    backwards = find_misfiled(planted_in, StoredBackwards(features))
    pd.testing.assert_frame_equal(backwards.misfiled, at_once.misfiled)
    pd.testing.assert_frame_equal(backwards.doubtful, at_once.doubtful)


def test_a_misfiled_picture_names_its_nearest_neighbours() -> None:
    manifest, features = world()
    [found_row] = find_misfiled(planted(manifest, [3], "tiger"), ArrayRows(features)).misfiled.to_dict("records")
    named = manifest.set_index("digest").loc[found_row["neighbours"].split(" ")]
    assert (named["category"].tolist(), found_row["share"]) == (["cat"] * 5, 1.0)


def test_a_picture_that_is_like_nothing_stays() -> None:
    manifest, features = world()
    features[[5, 150]] = np.random.default_rng(1).normal(0, 3, (2, WIDTH))
    assert find_misfiled(manifest, ArrayRows(features)).misfiled.empty


def test_categories_that_are_too_alike_have_none() -> None:
    for seed in range(10):
        manifest, features = world(apart=0.0, seed=seed)
        assert find_misfiled(manifest, ArrayRows(features)).misfiled.empty


def test_pictures_that_all_look_the_same_stay() -> None:
    manifest, features = world()
    assert find_misfiled(manifest, ArrayRows(np.ones_like(features))).misfiled.empty


def test_of_few_pictures_none_is_called_misfiled() -> None:
    manifest, features = world(edited_references.MIN_PICTURES)
    few = find_misfiled(planted(manifest, [3], "tiger"), ArrayRows(features))
    assert few.misfiled.empty  # the cats are one less than it takes
    assert few.doubtful.index.tolist() == [3]
    manifest, features = world(25)
    assert find_misfiled(planted(manifest, [3], "tiger"), ArrayRows(features)).misfiled.index.tolist() == [3]


@pytest.mark.parametrize("share", [0.01, 0.1, 0.2, 0.3])
def test_lists_of_which_up_to_a_third_is_wrong_are_put_right(share: float) -> None:
    manifest, features = world(150)
    is_moved = np.random.default_rng(4).random(len(manifest)) < share
    others = {"cat": "dog", "dog": "tiger", "tiger": "cat"}
    moved = manifest.assign(category=manifest["category"].mask(is_moved, manifest["category"].map(others)))
    misfiled = find_misfiled(moved, ArrayRows(features)).misfiled
    right = is_moved[misfiled.index]
    assert right.mean() >= 0.95
    assert right.sum() >= 0.9 * is_moved.sum()
    assert (misfiled["chance"] < 0.1).all()


@pytest.mark.parametrize(("each", "share"), [(25, 0.1), (25, 0.3), (100, 0.2)])
def test_small_lists_of_which_up_to_a_third_is_wrong_are_put_right(each: int, share: float) -> None:
    hits = calls = moves = 0
    for seed in range(6):
        manifest, features = world(each, seed=seed)
        is_moved = np.random.default_rng(seed).random(len(manifest)) < share
        others = {"cat": "dog", "dog": "tiger", "tiger": "cat"}
        moved = manifest.assign(category=manifest["category"].mask(is_moved, manifest["category"].map(others)))
        misfiled = find_misfiled(moved, ArrayRows(features)).misfiled
        hits += int(is_moved[misfiled.index].sum())
        calls, moves = calls + len(misfiled), moves + int(is_moved.sum())
    print(f"found {hits / moves:.1%}, right {hits / calls:.1%}")
    assert hits >= 0.9 * moves
    assert hits >= 0.95 * calls


def test_categories_that_overlap_give_what_is_clear_and_little_by_chance() -> None:
    manifest, features = world(150, apart=0.75)
    is_moved = np.random.default_rng(4).random(len(manifest)) < 0.1
    others = {"cat": "dog", "dog": "tiger", "tiger": "cat"}
    moved = manifest.assign(category=manifest["category"].mask(is_moved, manifest["category"].map(others)))
    suspects = find_misfiled(moved, ArrayRows(features))
    right = is_moved[suspects.misfiled.index]
    print(f"found {right.sum() / is_moved.sum():.1%}, right {right.mean():.1%}")
    assert right.mean() >= 0.95
    assert 0.5 * is_moved.sum() < right.sum() < is_moved.sum()
    is_found = suspects.misfiled.index.union(suspects.doubtful.index)
    assert is_moved[is_found].sum() >= 0.9 * is_moved.sum(), "the rest is put before a person"


def test_of_pictures_that_are_as_clear_the_share_by_chance_is_counted_in_each_list() -> None:
    is_right = np.array([0.001, 0.9, 0.02, 0.06, 0.5, 0.01])
    shares = shares_by_chance(is_right, np.array([0, 0, 0, 0, 1, 1]), np.array([1, 1, 1, 0, 0, 1], bool))
    np.testing.assert_allclose(shares, [0.001, 0.307, 0.0105, 1, 1, 0.01])


def test_where_hardly_any_picture_is_undecided_hardly_any_crossed_over() -> None:
    category = np.repeat([0, 1], 100)
    is_undecided, is_suspected = np.zeros(200, bool), np.zeros(200, bool)
    is_undecided[[0, 1, *range(100, 130)]] = True
    is_suspected[[99, 199]] = True
    shares = shares_crossing(category, is_undecided, is_suspected)
    assert shares[99] == pytest.approx(4 / 98)
    assert shares[199] == 1
    assert (shares[~is_suspected] == 1).all()


def test_how_many_of_a_list_are_misfiled_counts_against_what_each_picture_looks_like() -> None:
    log_ratios = np.full(200, -np.inf)
    log_ratios[:31] = 3.0  # twenty times likelier if misfiled
    category = np.repeat([0, 1], 100)
    log_ratios[100] = 3.0
    is_right = probabilities_of_right(log_ratios, category)
    assert is_right[0] < 0.2, "a third of its list looks so"
    assert is_right[100] > 0.8, "one of a hundred looks so"
    assert (is_right[101:] == 1).all()


@pytest.mark.parametrize("width", [8, 200])
def test_margins_are_those_of_a_classifier_that_was_learnt_without_the_picture(width: int) -> None:
    random = np.random.default_rng(0)
    category = np.repeat([0, 1, 2], [30, 12, 20])
    directions = random.normal(0, 1, (62, width)).astype(np.float32)
    directions[:, 0] += category
    weights, offsets, left_out = chance._ridge(directions, category, 3)
    weight = 62 / (3 * np.bincount(category)[category])  # stays, and so does the ridge, whichever is left out
    ridge = _ridge_strength(directions, weight)
    others = np.arange(62) > 0
    centre = np.average(directions[others], axis=0, weights=weight[others])
    target = np.eye(3)[category]
    usual = np.average(target[others], axis=0, weights=weight[others])
    x = (directions[others] - centre) * np.sqrt(weight[others])[:, None]
    y = (target[others] - usual) * np.sqrt(weight[others])[:, None]
    expected = usual + (directions[0] - centre) @ np.linalg.solve(x.T @ x + ridge * np.eye(width), x.T @ y)
    np.testing.assert_allclose(left_out[0], expected, atol=1e-5)
    assert np.abs(left_out - (directions @ weights + offsets)).max() > 0.01


def _ridge_strength(directions: np.ndarray, weight: np.ndarray) -> float:
    centred = directions - np.average(directions, axis=0, weights=weight)
    return float(chance.STRENGTH * (weight[:, None] * centred**2).sum() / len(weight))


def test_a_small_list_of_which_a_tenth_is_wrong_beside_a_large_one() -> None:
    manifest, features = world(400)
    manifest, features = manifest[:425].copy(), features[:425]  # 25 dogs
    moved = planted(planted(manifest, [3, 7], "dog"), [401, 402], "cat")
    assert find_misfiled(moved, ArrayRows(features)).misfiled.index.tolist() == [3, 7, 401, 402]


@pytest.mark.parametrize("count", [3, 8, 30])
@pytest.mark.parametrize("seed", range(5))
def test_a_kind_of_picture_that_few_of_a_list_are_is_not_thrown_away(count: int, seed: int) -> None:
    manifest, features = world(150, seed=seed)
    random = np.random.default_rng(seed + 100)
    kitten = 0.35 * features[:150].mean(axis=0) + 0.65 * features[150:300].mean(axis=0)  # nearer to the dogs
    features[:count] = kitten + random.normal(0, 1, WIDTH) + random.normal(0, 0.5, (count, WIDTH))
    misfiled = find_misfiled(manifest, ArrayRows(features)).misfiled
    assert (misfiled.index < count).sum() <= 0.05 * count


def test_most_of_a_kind_that_lies_in_the_middle_of_another_category_is_put_before_a_person() -> None:
    misfiled = doubtful = 0
    for seed in range(8):
        manifest, features = world(150, apart=1.0, seed=seed)
        random = np.random.default_rng(seed + 100)
        shared = features[150:300].mean(axis=0) + 0.5 * random.normal(0, 1, WIDTH)
        features[:20] = shared + random.normal(0, 1, (20, WIDTH))
        suspects = find_misfiled(manifest, ArrayRows(features))
        misfiled += int((suspects.misfiled.index < 20).sum())
        doubtful += int((suspects.doubtful.index < 20).sum())
    print(f"{misfiled} misfiled, {doubtful} doubtful")
    assert misfiled <= 0.2 * 8 * 20
    assert doubtful >= 2 * misfiled


def test_what_lies_between_categories_is_put_before_a_person() -> None:
    manifest, features = world(100, apart=0.25)
    moved = planted(manifest, [3, 7], "tiger")
    suspects = find_misfiled(moved, ArrayRows(features))
    assert suspects.misfiled.empty
    assert len(suspects.doubtful) > 10
    assert (suspects.doubtful["category"] != suspects.doubtful["like"]).all()


def test_where_too_little_speaks_for_the_other_list_a_person_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    manifest, features = world()
    moved = planted(manifest, [3], "tiger")
    assert find_misfiled(moved, ArrayRows(features)).misfiled.index.tolist() == [3]
    monkeypatch.setattr(neighbours, "MIN_LOG_RATIO", 1e6)
    suspects = find_misfiled(moved, ArrayRows(features))
    assert suspects.misfiled.empty
    assert suspects.doubtful.index.tolist() == [3]


def test_a_small_category_beside_a_large_one_keeps_its_pictures() -> None:
    manifest, features = world(400, apart=0.7)
    few = (manifest["category"] != "cat") | (manifest.groupby("category").cumcount() < 30)
    assert find_misfiled(manifest[few].reset_index(drop=True), ArrayRows(features[few])).misfiled.empty


def test_neither_the_order_of_the_rows_nor_the_size_of_the_batches_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    manifest, features = world()
    moved = planted(manifest, [3, 70], "tiger")
    order = np.random.default_rng(2).permutation(len(moved))
    monkeypatch.setattr(nearest, "BATCH_SIZE", 7)
    shuffled = find_misfiled(moved.iloc[order].reset_index(drop=True), ArrayRows(features[order])).misfiled
    assert set(shuffled["digest"]) == set(manifest["digest"][[3, 70]])


def test_features_are_read_twice_and_a_part_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regraft.store.feature_rows.BLOCK_BYTES", 4 * WIDTH * 25)
    manifest, features = world(100)
    counts: list[int] = []

    class Watched(ArrayRows):
        def read(self, rows: np.ndarray) -> np.ndarray:
            counts.append(len(rows))
            return super().read(rows)

    monkeypatch.setattr(neighbours, "MAX_REFERENCES", 60)
    assert find_misfiled(planted(manifest, [3], "tiger"), Watched(features)).misfiled.index.tolist() == [3]
    assert sorted(counts) == [25] * 24 + [60]


def test_of_many_pictures_all_are_compared_with_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "MAX_REFERENCES", 180)
    manifest, features = world(300)
    rows = list(range(0, 300, 15))
    misfiled = find_misfiled(planted(manifest, rows, "tiger"), ArrayRows(features)).misfiled
    assert set(misfiled.index) <= set(rows)
    assert len(misfiled) >= 0.9 * len(rows)
