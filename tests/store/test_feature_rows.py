"""Features are read a block at a time, each row once and in its order."""

import numpy as np
import pytest

from regraft.store import feature_rows
from regraft.store.feature_rows import ArrayRows

FEATURES = np.random.default_rng(0).normal(0, 1, (23, 4)).astype(np.float32)


@pytest.mark.parametrize("rows", [None, np.array([22, 0, 5, 5, 1, 17, 3]), np.array([], dtype=np.int64)])
def test_blocks_are_the_rows_in_their_order(rows: np.ndarray | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_rows, "BLOCK_BYTES", 3 * 4 * 4)  # three rows
    blocks = list(ArrayRows(FEATURES).blocks(rows))
    expected = np.arange(23) if rows is None else rows
    assert [row for block, _ in blocks for row in block] == expected.tolist()
    assert all(len(block) <= 3 and np.array_equal(features, FEATURES[block]) for block, features in blocks)


def test_a_single_row_may_be_larger_than_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_rows, "BLOCK_BYTES", 1)
    assert len(list(ArrayRows(FEATURES).blocks())) == len(ArrayRows(FEATURES)) == 23
