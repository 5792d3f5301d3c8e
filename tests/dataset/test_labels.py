"""Laws 1 and 2: labels and splits belong to the image, and the best possible error is known."""

import numpy as np
import pandas as pd
import pytest

from regraft.config import Normal, SplitSettings
from regraft.dataset.labels import label_of, mean_of
from regraft.dataset.manifest import check_vary
from regraft.dataset.splits import split_of
from regraft.errors import ConfigError

TIGER = Normal(mean=100, std=30, min=20)
DIGESTS = [f"{i:064x}" for i in range(20_000)]


def test_label_and_split_are_the_same_whatever_is_around() -> None:
    # Pinned: these values must never change, or every published split would.
    assert label_of(TIGER, 0, "tiger", DIGESTS[7]) == pytest.approx(95.08347371075004, rel=1e-12)
    assert label_of(TIGER, 0, "tiger", DIGESTS[7]) != label_of(TIGER, 1, "tiger", DIGESTS[7])
    splits = [split_of(SplitSettings(), 0, "tiger", digest) for digest in DIGESTS[7:13]]
    assert splits == ["train", "train", "train", "train", "train", "validation"]


def test_labels_follow_their_distribution() -> None:
    drawn = np.array([label_of(Normal(mean=40, std=8), 0, "cat", digest) for digest in DIGESTS])
    assert abs(drawn.mean() - 40) < 0.3
    assert abs(drawn.std() - 8) < 0.2


def test_splits_have_their_shares() -> None:
    counts = pd.Series([split_of(SplitSettings(), 0, "cat", digest) for digest in DIGESTS]).value_counts(normalize=True)
    assert counts["test"] == pytest.approx(0.15, abs=0.01)
    assert counts["validation"] == pytest.approx(0.15, abs=0.01)


@pytest.mark.parametrize(("low", "high"), [(20, None), (90, None), (None, 110), (80, 120)])
def test_the_mean_after_clipping_is_exact(low: float | None, high: float | None) -> None:
    normal = Normal(mean=100, std=30, min=low, max=high)
    sample = np.random.default_rng(0).normal(100, 30, 400_000).clip(low, high)
    assert mean_of(normal) == pytest.approx(sample.mean(), abs=0.2)


def test_labels_that_are_all_the_same_are_refused() -> None:
    check_vary(pd.DataFrame({"label": [90.0, 90.0, 91.0]}))
    with pytest.raises(ConfigError, match=r"All 3 images have the label 90 cm.*`label` column"):
        check_vary(pd.DataFrame({"label": [90.0] * 3}))
