"""Pictures that look misfiled are likelier a kind of their own if they are nearer to their kin than by chance."""

from dataclasses import replace

import numpy as np
import pytest

from regraft.dataset.edited_references import EditedReferences, edited_references
from regraft.dataset.kin import kin_log_ratios
from regraft.dataset.nearest import NO_REFERENCE, directions_of

WIDTH = 48
EACH = 80
CAT, DOG = 0, 1


def cats_and_dogs(kin: int, alike: float, seed: int) -> tuple[EditedReferences, np.ndarray]:
    """References of both, and the rows of some that lie among the dogs in the cats' list, and share a part so large."""
    random = np.random.default_rng(seed)
    features = random.normal(0, 1, (2 * EACH + kin, WIDTH))
    category = np.repeat([CAT, DOG, CAT], [EACH, EACH, kin])
    features[:EACH, 0] += 8
    rows = np.arange(2 * EACH, len(features))
    features[rows] += alike * random.normal(0, 1, WIDTH)
    directions = directions_of(features.astype(np.float32), features.mean(axis=0).astype(np.float32))
    return replace(edited_references(directions, category), like=np.where(features[:, 0] > 4, CAT, DOG)), rows


def log_ratios(references: EditedReferences, rows: np.ndarray) -> np.ndarray:
    return kin_log_ratios(
        references.directions[rows], np.full(len(rows), CAT), np.full(len(rows), DOG), rows, references
    )


@pytest.mark.parametrize("kin", [2, 5, 20])
def test_dogs_among_the_cats_are_as_near_to_each_other_as_dogs_are(kin: int) -> None:
    of_all = np.concatenate([log_ratios(*cats_and_dogs(kin, 0.0, seed)) for seed in range(40)])
    assert of_all.max() == 0
    assert np.median(of_all) > -0.5
    assert (of_all < -2).mean() < 0.04  # by chance 2.3% deviate by two


@pytest.mark.parametrize("kin", [3, 8])
def test_what_is_nearer_to_its_kin_than_to_the_dogs_is_likelier_a_kind_of_its_own(kin: int) -> None:
    of_all = np.concatenate([log_ratios(*cats_and_dogs(kin, 0.8, seed)) for seed in range(10)])
    assert np.median(of_all) < -np.log(8)


def test_a_single_picture_has_no_kin() -> None:
    assert log_ratios(*cats_and_dogs(1, 0.0, 0)).tolist() == [0]


def test_a_picture_is_no_kin_of_its_own() -> None:
    references, rows = cats_and_dogs(2, 0.0, 1)
    row, cat, dog = rows[:1], np.array([CAT]), np.array([DOG])
    as_another = kin_log_ratios(references.directions[row], cat, dog, np.array([NO_REFERENCE]), references)
    as_itself = kin_log_ratios(references.directions[row], cat, dog, row, references)
    assert as_another < as_itself


def test_where_the_category_has_no_pictures_of_its_own_nothing_is_said() -> None:
    references, rows = cats_and_dogs(3, 0.8, 0)
    none_left = replace(references, like=np.full(len(references.like), CAT))
    assert log_ratios(none_left, rows).tolist() == [0, 0, 0]
