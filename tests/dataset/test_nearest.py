"""The nearest pictures are those of the largest cosines, whatever is compared at a time."""

import numpy as np
import pytest

from regraft.dataset import nearest
from regraft.dataset.nearest import NO_REFERENCE, Nearest, directions_of


def directions(count: int, seed: int = 0) -> np.ndarray:
    features = np.random.default_rng(seed).normal(0, 1, (count, 8)).astype(np.float32)
    return directions_of(features, features.mean(axis=0))


@pytest.mark.parametrize("batch_size", [7, 1024])
def test_the_nearest_come_first_and_no_picture_is_its_own_neighbour(
    batch_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nearest, "BATCH_SIZE", batch_size)
    pictures, references = directions(20), directions(30, seed=1)
    references[4] = pictures[2]
    own = np.full(20, NO_REFERENCE)
    near = Nearest.of(pictures, references, own)
    np.testing.assert_array_equal(near.references[:, 0], (pictures @ references.T).argmax(axis=1))
    assert (np.diff(near.cosines, axis=1) <= 0).all()
    assert near.references[2, 0] == 4
    own[2] = 4
    assert 4 not in Nearest.of(pictures, references, own).references[2]


def test_references_that_are_wanted_come_before_others_and_keep_their_order() -> None:
    near = Nearest(np.array([[5, 3, 8, 1]]), np.array([[0.9, 0.8, 0.7, 0.6]], np.float32))
    few = near.among(np.array([[False, True, False, True]]), 3)
    assert few.references.tolist() == [[3, 1, 5]]
    np.testing.assert_allclose(few.cosines, [[0.8, 0.6, 0.9]])


def test_shares_are_those_of_the_most_frequent_category_the_first_of_several() -> None:
    categories = np.random.default_rng(3).integers(0, 7, (500, 20))
    shares = (categories[:, :, None] == np.arange(7)).mean(axis=1)
    like, share = nearest.most_frequent(categories)
    assert like.tolist() == shares.argmax(axis=1).tolist()
    np.testing.assert_allclose(share, shares.max(axis=1))
