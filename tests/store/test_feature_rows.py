"""Features are read a block at a time, each row once and in its order."""

import numpy as np
import pytest

from regraft.store import feature_rows
from regraft.store.feature_rows import ArrayRows
from tests.store.stored_backwards import StoredBackwards

FEATURES = np.random.default_rng(0).normal(0, 1, (23, 4)).astype(np.float32)


@pytest.mark.parametrize("rows", [None, np.array([22, 0, 5, 5, 1, 17, 3]), np.array([], dtype=np.int64)])
def test_blocks_are_the_rows_in_their_order(rows: np.ndarray | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_rows, "BLOCK_BYTES", 3 * 4 * 4)  # three rows
    blocks = list(ArrayRows(FEATURES).blocks(rows))
    expected = np.arange(23) if rows is None else rows
    assert [row for block, _ in blocks for row in block] == expected.tolist()
    assert all(len(block) <= 3 and np.array_equal(features, FEATURES[block]) for block, features in blocks)


@pytest.mark.parametrize("rows", [None, np.array([22, 0, 5, 5, 1, 17, 3])])
@pytest.mark.parametrize("is_one_block", [False, True])
def test_what_does_not_depend_on_the_order_is_read_as_stored_and_put_back(
    rows: np.ndarray | None, is_one_block: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_one_block:
        monkeypatch.setattr(feature_rows, "BLOCK_BYTES", 3 * 4 * 4)  # three rows
    stored, expected = StoredBackwards(FEATURES), np.arange(23) if rows is None else rows
    blocks = list(stored.stored_blocks(rows))
    read = [int(expected[position]) for positions, _ in blocks for position in positions]
    assert read == (expected.tolist() if is_one_block else sorted(expected.tolist(), reverse=True))
    assert all(np.array_equal(features, FEATURES[expected[positions]]) for positions, features in blocks)
    doubled = stored.map_blocks(lambda block: block * 2, rows)
    assert np.array_equal(doubled, FEATURES[expected] * 2)
    np.testing.assert_allclose(stored.mean(rows), FEATURES[expected].mean(axis=0, dtype=np.float64))


def test_a_single_row_may_be_larger_than_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_rows, "BLOCK_BYTES", 1)
    assert len(list(ArrayRows(FEATURES).blocks())) == len(ArrayRows(FEATURES)) == 23
