"""Law 1: an image's split is its own."""

import pandas as pd
import pytest

from regraft.config import SplitSettings
from regraft.dataset.splits import split_of, uniform

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
