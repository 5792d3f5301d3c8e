"""Law 1: an image's split is its own."""

import pandas as pd
import pytest

from regraft.config import SplitSettings
from regraft.dataset.splits import split_of, splits_of, uniform

DIGESTS = [f"{i:064x}" for i in range(20_000)]


def test_a_split_is_the_same_whatever_is_around() -> None:
    # Pinned: these values must never change, or every published split would.
    splits = [split_of(SplitSettings(), 0, "tiger", digest) for digest in DIGESTS[7:13]]
    assert splits == ["train", "train", "train", "train", "train", "validation"]


def test_splits_have_their_shares() -> None:
    counts = pd.Series([split_of(SplitSettings(), 0, "cat", digest) for digest in DIGESTS]).value_counts(normalize=True)
    assert counts["test"] == pytest.approx(0.15, abs=0.01)
    assert counts["validation"] == pytest.approx(0.15, abs=0.01)


def test_a_number_is_fixed_by_its_key_and_uniform_over_many() -> None:
    numbers = pd.Series([uniform("key", digest) for digest in DIGESTS])
    assert numbers.tolist() == [uniform("key", digest) for digest in DIGESTS]
    assert numbers.between(0, 1, inclusive="neither").all()
    assert (numbers * 10).astype(int).value_counts(normalize=True).to_numpy() == pytest.approx(0.1, abs=0.01)


def pictures(count: int, category: str = "cat", first: int = 0) -> pd.DataFrame:
    digests = DIGESTS[first : first + count]
    return pd.DataFrame({"category": category, "digest": digests, "cluster": digests})


def own_splits(table: pd.DataFrame, seed: int) -> "pd.Series[str]":
    pairs = zip(table["category"], table["digest"], strict=True)
    return pd.Series([split_of(SplitSettings(), seed, *pair) for pair in pairs], table.index)


def test_small_categories_are_never_refused_by_chance() -> None:
    table = pd.concat([pictures(24, f"category-{i}", 24 * i) for i in range(30)], ignore_index=True)
    for seed in range(6):
        splits = splits_of(table, SplitSettings(), seed)
        assert (splits.groupby(table["category"]).nunique() == 3).all()
        moved = (splits != own_splits(table, seed)).groupby(table["category"]).sum()
        missing = 3 - own_splits(table, seed).groupby(table["category"]).nunique()
        assert moved.tolist() == missing.tolist(), "a picture stands in for each empty split, and no other moves"


@pytest.mark.parametrize("settings", [SplitSettings(), SplitSettings(test=0.49, validation=0.49)])
@pytest.mark.parametrize("count", [3, 4, 5, 10])
def test_the_smallest_categories_have_all_splits_too(settings: SplitSettings, count: int) -> None:
    table = pictures(count)
    for seed in range(12):
        assert set(splits_of(table, settings, seed)) == {"train", "validation", "test"}


def test_a_category_that_is_not_small_keeps_every_split_whatever_comes_or_goes() -> None:
    table = pictures(300)
    whole = splits_of(table, SplitSettings(), 1)
    assert whole.tolist() == own_splits(table, 1).tolist()
    for part in (
        table[::2],
        table[100:],
        table.sample(frac=0.5, random_state=0),
        pd.concat([table, pictures(9, "dog")]),
    ):
        kept = part[part["category"] == "cat"].index
        assert splits_of(part.reset_index(drop=True), SplitSettings(), 1)[: len(kept)].tolist() == whole[kept].tolist()


def test_a_stand_in_goes_back_once_a_picture_that_belongs_there_is_around() -> None:
    everything = own_splits(pictures(200), 0)
    elsewhere = pictures(200)[everything != "test"].head(60).reset_index(drop=True)
    splits = splits_of(elsewhere, SplitSettings(), 0)
    assert (splits == "test").sum() == 1
    first_of_test = pictures(200)[everything == "test"].head(1)
    more = pd.concat([elsewhere, first_of_test], ignore_index=True)
    assert splits_of(more, SplitSettings(), 0).tolist() == own_splits(more, 0).tolist()


def test_a_near_duplicate_never_stands_in() -> None:
    everything = own_splits(pictures(200), 0)
    train = pictures(200)[everything == "train"].head(12).reset_index(drop=True)
    nearest = splits_of(train, SplitSettings(), 0).tolist().index("test")
    in_pair = train["digest"].where(train.index != nearest, train["digest"].iloc[(nearest + 1) % 12])
    splits = splits_of(train.assign(cluster=in_pair), SplitSettings(), 0)
    assert (splits == "test").sum() == 1
    assert splits[nearest] == splits[(nearest + 1) % 12] == "train"
    assert set(splits_of(train.assign(cluster="one"), SplitSettings(), 0)) == {"train"}
