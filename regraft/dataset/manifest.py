"""The manifest: the table of training images."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.config import Config
from regraft.dataset.labels import label_of
from regraft.dataset.splits import SPLITS, split_of
from regraft.errors import ConfigError, TooFewImages

MANIFEST = ["digest", "category", "urls", "width", "height", "phash", "cluster", "split", "label"]


def labelled(pictures: pd.DataFrame, links: pd.DataFrame, config: Config) -> pd.DataFrame:
    """Return the manifest, columns MANIFEST: pictures with a split and a label: a length in cm, or the category.

    `links` (url, label) carries real lengths where a list has them; an image that several links show has the mean of
    theirs. Raises ConfigError where lengths are wanted and a category has neither real ones nor a distribution.
    """
    images = zip(pictures["category"], pictures["digest"], strict=True)
    splits = [split_of(config.split, config.seed, category, digest) for category, digest in images]
    label = pictures["category"] if config.named else _lengths(pictures, links, config)
    manifest = pictures.assign(split=splits, label=label)
    return manifest[MANIFEST].sort_values(["category", "digest"]).reset_index(drop=True)


def _lengths(pictures: pd.DataFrame, links: pd.DataFrame, config: Config) -> NDArray[np.float64]:
    real = links.dropna(subset=["label"]).set_index("url")["label"].to_dict()
    labels = []
    for category, digest, urls in zip(pictures["category"], pictures["digest"], pictures["urls"], strict=True):
        told = [real[url] for url in urls if url in real]
        distribution = config.categories[category].label
        if told:
            labels.append(float(np.mean(told)))
        elif distribution is not None:
            labels.append(label_of(distribution, config.seed, category, digest))
        else:
            raise ConfigError(
                f"categories.{category}: its list has no `label` column, and the config has no `label` distribution; "
                "write one, such as `label: {mean: 100, std: 30, min: 20}`."
            )
    return np.array(labels, dtype=np.float64)


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
