"""Resampling in blocks gives what resampling at once gives."""

import numpy as np
import pytest

from regraft.config import GateSettings
from regraft.targets import bootstrap, oracle
from regraft.targets.oracle import leak
from tests.targets.worlds import DISTRIBUTIONS, length_predictions

SETTINGS = GateSettings(samples=300)


@pytest.mark.parametrize("block_size", [1, 1000, 7777, 10**6])
def test_the_same_seed_draws_the_same_images_whatever_the_blocks(
    block_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.random.default_rng(0).normal(0, 1, (41, 2))
    drawn = np.random.default_rng(5).integers(0, 41, (300, 41))  # all at once
    monkeypatch.setattr(bootstrap, "BLOCK_SIZE", block_size)
    np.testing.assert_allclose(bootstrap.means(values, SETTINGS, 5), values[drawn].mean(axis=1), rtol=0, atol=1e-14)


def test_paired_differences_are_those_of_each_rival_by_itself() -> None:
    squared = np.random.default_rng(1).chisquare(1, (50, 3))
    together = bootstrap.rmse_differences(squared[:, 0], squared[:, 1:], SETTINGS, 2)
    for column in (1, 2):
        alone = bootstrap.rmse_differences(squared[:, 0], squared[:, [column]], SETTINGS, 2)
        np.testing.assert_allclose(together[:, column - 1], alone[:, 0], atol=1e-14)


def test_the_leak_test_shuffles_the_same_orders_whatever_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = length_predictions(3, knows=0.02)
    at_once = leak(rows, DISTRIBUTIONS, 3)
    monkeypatch.setattr(oracle, "BLOCK_SIZE", 500)
    assert leak(rows, DISTRIBUTIONS, 3) == at_once
