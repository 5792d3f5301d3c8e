"""The manifest: the table of training images."""

import pandas as pd

from regraft.config import Config, SplitSettings
from regraft.dataset.splits import SPLITS, split_of
from regraft.errors import ConfigError, TooFewImages

MANIFEST = ["digest", "category", "urls", "width", "height", "phash", "cluster", "split", "label"]


def manifest_of(
    pictures: pd.DataFrame, labels: "pd.Series[float] | pd.Series[str]", settings: SplitSettings, seed: int
) -> pd.DataFrame:
    """Return the manifest, columns MANIFEST: pictures (digest, category ...) with a split and a label each."""
    images = zip(pictures["category"], pictures["digest"], strict=True)
    splits = [split_of(settings, seed, category, digest) for category, digest in images]
    manifest = pictures.assign(split=splits, label=labels)
    return manifest[MANIFEST].sort_values(["category", "digest"]).reset_index(drop=True)


def check_enough(manifest: pd.DataFrame, config: Config) -> None:
    """Raise TooFewImages, naming category and count, where a category cannot be split into train, validation, test."""
    for category in config.categories:
        of = manifest[manifest["category"] == category]
        if len(of) < config.split.min_images:
            raise TooFewImages(
                f"{category!r} has {len(of)} images left, and it takes at least {config.split.min_images} to split "
                "into train, validation and test. Nothing was published; the champion stays. Give it a longer list, or "
                "see why its links were dropped in the link-health table."
            )
        missing = [split for split in SPLITS if split not in set(of["split"])]
        if missing:
            raise TooFewImages(
                f"{category!r} has {len(of)} images left, but none of them falls into the {missing[0]} split. "
                "Nothing was published; the champion stays. Give it a longer list, or another seed."
            )


def check_vary(manifest: pd.DataFrame) -> None:
    """Raise ConfigError where all labels are the same: there would be nothing to learn and nothing to measure."""
    if manifest["label"].nunique() == 1:
        raise ConfigError(
            f"All {len(manifest)} images have the label {manifest['label'].iloc[0]:g} cm: there is nothing to learn. "
            "Nothing was published; the champion stays. Look at the `label` column of your lists."
        )
