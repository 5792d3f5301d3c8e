"""The manifest: the table of the images that a run learns from and is measured on."""

from collections import Counter
from collections.abc import Iterable

import pandas as pd

from regraft.config import SplitSettings
from regraft.dataset.splits import SPLITS, splits_of
from regraft.errors import ConfigError, TooFewImages

MANIFEST = ["digest", "category", "urls", "width", "height", "phash", "cluster", "split", "label"]
"""Its columns: those of `screening.PICTURES`, the split, and the label, which is a length in cm or a category."""


def manifest_of(
    pictures: pd.DataFrame, labels: "pd.Series[float] | pd.Series[str]", settings: SplitSettings, seed: int
) -> pd.DataFrame:
    """Return the manifest, columns MANIFEST: pictures, columns `screening.PICTURES`, with a split and a label each."""
    manifest = pictures.assign(split=splits_of(pictures, settings, seed), label=labels)
    return manifest[MANIFEST].sort_values(["category", "digest"]).reset_index(drop=True)


def check_enough(manifest: pd.DataFrame, categories: Iterable[str], settings: SplitSettings) -> None:
    """Raise TooFewImages, with the category and its number of images, where one is too small to be split."""
    images = Counter(manifest["category"])
    splits = set(manifest[["category", "split"]].drop_duplicates().itertuples(index=False, name=None))
    for category in categories:
        count = images[category]
        if count < settings.min_images:
            raise TooFewImages(
                f"{category!r} has {count} {'image' if count == 1 else 'images'} left, and it takes at least "
                f"{settings.min_images} to split them into train, validation and test. Nothing was published; "
                "the champion stays. Use a longer list, or see in the link-health table why its links were dropped."
            )
        missing = [split for split in SPLITS if (category, split) not in splits]
        if missing:
            raise TooFewImages(
                f"{category!r} has {count} images left, but none of them falls into the {missing[0]} split, and "
                "none may stand in: too many are near-duplicates of one another. Nothing was published; the champion "
                "stays. Use a longer list, or another seed."
            )


def check_vary(manifest: pd.DataFrame) -> None:
    """Raise ConfigError where all labels are the same: there is nothing to learn, and nothing to measure."""
    if manifest["label"].nunique() == 1:
        raise ConfigError(
            f"All {len(manifest)} images have the label {manifest['label'].iloc[0]:g} cm: there is nothing to learn. "
            "Nothing was published; the champion stays. Look at the `label` column of your lists."
        )
