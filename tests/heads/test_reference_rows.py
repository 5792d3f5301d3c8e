"""Files that hold features of training images say whose they are, and do without those of a picture that goes."""

import io

import numpy as np
import pandas as pd
import pytest

from regraft.config import HeadSettings
from regraft.heads.moments import scale_of
from regraft.heads.numpy_head import numpy_head
from regraft.heads.reference_rows import HOLDERS, named_references, unnamed_rows
from regraft.heads.unlike import distance_from, distance_in
from regraft.store.feature_rows import ArrayRows
from regraft.targets.lengths import Lengths
from tests.heads.synthetic import tigers_and_cats, trained_head

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def world() -> tuple[pd.DataFrame, np.ndarray, dict[str, bytes]]:
    """Images with real lengths, their features, and the files of what has learnt from them."""
    manifest, features = tigers_and_cats(60)
    manifest["label"] = 50 + 20 * features[:, 1] + 10 * features[:, 2] ** 2
    head = trained_head(manifest, features, Lengths(), HeadSettings(epochs=3), 0).to_bytes()
    train, validation = (np.flatnonzero(manifest["split"] == split) for split in ("train", "validation"))
    distance, _ = distance_from(ArrayRows(features), train, validation)
    file = io.BytesIO()
    np.savez(file, usual=np.array(0.1), **distance.arrays())  # type: ignore[arg-type]
    return manifest, features, {"head.keras": head, "certainty.npz": file.getvalue()}


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_each_reference_is_named_by_the_picture_whose_features_it_is(
    world: tuple[pd.DataFrame, np.ndarray, dict[str, bytes]],
) -> None:
    manifest, features, files = world
    scale = scale_of(ArrayRows(features), np.flatnonzero(manifest["split"] == "train"))
    as_compared = {"head.keras": scale.apply(features), "certainty.npz": features}
    names = named_references(manifest, files)
    assert set(names["file"]) == set(files)
    for file, data in files.items():
        rows = names[names["file"] == file]
        own = as_compared[file][pd.Index(manifest["digest"]).get_indexer(rows["digest"])]
        cosines = (unit(own) * unit(HOLDERS[file].read(data).astype(np.float64)[rows["row"]])).sum(axis=1)
        np.testing.assert_allclose(cosines, 1, atol=1e-3)


def test_the_references_of_a_picture_that_goes_count_no_more_and_the_others_stay(
    world: tuple[pd.DataFrame, np.ndarray, dict[str, bytes]],
) -> None:
    manifest, features, files = world
    names = named_references(manifest, files)
    changed = {file: HOLDERS[file].without(data, np.array([3])) for file, data in files.items()}
    for file, data in changed.items():
        before, after = HOLDERS[file].read(files[file]), HOLDERS[file].read(data)
        assert not after[3].any()
        np.testing.assert_array_equal(np.delete(after, 3, axis=0), np.delete(before, 3, axis=0))
        rows = names["row"][names["file"] == file].tolist()
        assert unnamed_rows(file, data, rows[:3] + rows[4:]).tolist() == []
        assert unnamed_rows(file, files[file], rows[:3] + rows[4:]).tolist() == [3]
    old, new = (numpy_head(files["head.keras"], Lengths()), numpy_head(changed["head.keras"], Lengths()))
    assert old is not None
    assert new is not None
    difference = new.predict(features) - old.predict(features)
    assert np.abs(difference).max() > 0
    assert np.abs(difference).mean() < 0.05 * manifest["label"].std(), "the head answers about as before"
    with np.load(io.BytesIO(changed["certainty.npz"])) as arrays:
        distance, _ = distance_in(arrays)
    assert len(distance.arrays()["references"]) == (names["file"] == "certainty.npz").sum() - 1


def test_where_the_numbers_differ_nobody_can_tell_whose_they_are(
    world: tuple[pd.DataFrame, np.ndarray, dict[str, bytes]],
) -> None:
    manifest, _, files = world
    with pytest.raises(ValueError, match="references, and the images make"):
        named_references(manifest[manifest["split"] != "validation"], files)
