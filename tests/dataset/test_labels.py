"""Laws 1 and 2: an image's length is its own, and follows a known distribution."""

import numpy as np
import pytest

from regraft.config import Normal
from regraft.dataset.labels import label_of, mean_of, median_of

TIGER = Normal(mean=100, std=30, min=20)
DIGESTS = [f"{i:064x}" for i in range(20_000)]


def test_a_label_is_the_same_whatever_is_around() -> None:
    # Pinned: these values must never change, or every published label would.
    assert label_of(TIGER, 0, "tiger", DIGESTS[7]) == pytest.approx(95.08347371075004, rel=1e-12)
    assert label_of(TIGER, 0, "tiger", DIGESTS[7]) != label_of(TIGER, 1, "tiger", DIGESTS[7])


def test_labels_follow_their_distribution() -> None:
    lengths = np.array([label_of(Normal(mean=40, std=8), 0, "cat", digest) for digest in DIGESTS])
    assert abs(lengths.mean() - 40) < 0.3
    assert abs(lengths.std() - 8) < 0.2


@pytest.mark.parametrize(("low", "high"), [(20, None), (90, None), (None, 110), (80, 120)])
def test_mean_and_median_after_clipping_are_exact(low: float | None, high: float | None) -> None:
    normal = Normal(mean=100, std=30, min=low, max=high)
    sample = np.clip(np.random.default_rng(0).normal(100, 30, 400_000), low, high)
    assert mean_of(normal) == pytest.approx(sample.mean(), abs=0.2)
    assert median_of(normal) == pytest.approx(np.median(sample), abs=0.2)
