"""The manifest has a split and a label for each picture, or a run is refused before it learns."""

import pandas as pd
import pytest

from regraft.config import SplitSettings
from regraft.dataset.manifest import MANIFEST, check_enough, check_vary, manifest_of
from regraft.dataset.splits import SPLITS, split_of
from regraft.errors import ConfigError, TooFewImages

SETTINGS = SplitSettings(min_images=3)


def pictures(count: int) -> pd.DataFrame:
    digests = [f"{i:064x}" for i in range(count)]
    same = {"urls": [["u"]] * count, "width": 99, "height": 99, "phash": "0" * 16}
    return pd.DataFrame({"digest": digests[::-1], "category": "cat", "cluster": digests[::-1], **same})


def in_splits(*splits: str) -> pd.DataFrame:
    return pd.DataFrame({"category": "cat", "split": splits})


def test_each_picture_has_its_own_split_and_label() -> None:
    table = pictures(30)
    manifest = manifest_of(table, pd.Series(range(30), dtype=float), SETTINGS, 0)
    assert manifest.columns.tolist() == MANIFEST
    assert manifest["digest"].tolist() == sorted(table["digest"])
    assert manifest["label"].tolist() == list(range(30))[::-1]
    assert manifest["split"].tolist() == [split_of(SETTINGS, 0, "cat", digest) for digest in manifest["digest"]]


def test_a_category_that_cannot_be_split_is_refused_by_name() -> None:
    check_enough(in_splits(*SPLITS), ["cat"], SETTINGS)
    with pytest.raises(TooFewImages, match=r"'cat' has 2 images left, and it takes at least 3"):
        check_enough(in_splits("train", "test"), ["cat"], SETTINGS)
    with pytest.raises(TooFewImages, match=r"'cat' has 3 images left, but none of them falls into the validation"):
        check_enough(in_splits("train", "train", "test"), ["cat"], SETTINGS)
    with pytest.raises(TooFewImages, match=r"'tiger' has 0 images left"):
        check_enough(in_splits(*SPLITS), ["cat", "tiger"], SETTINGS)


def test_labels_that_are_all_the_same_are_refused() -> None:
    check_vary(pd.DataFrame({"label": [90.0, 90.0, 91.0]}))
    with pytest.raises(ConfigError, match=r"All 3 images have the label 90 cm.*`label` column"):
        check_vary(pd.DataFrame({"label": [90.0] * 3}))
