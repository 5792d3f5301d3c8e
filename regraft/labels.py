"""Labels and splits, drawn from (seed, category, digest) and never from a position; and the best that is possible.

The same image has the same label and the same split in every run, whatever comes or goes around it. And as labels are
drawn from known distributions, the error of the *oracle*, who knows the category and nothing else, is known too.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.config import Config, Normal, SplitSettings
from regraft.errors import ConfigError, TooFewImages

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
MANIFEST = ["digest", "category", "urls", "width", "height", "phash", "cluster", "split", "label"]


def drawn(*words: object) -> float:
    """Return a number in (0, 1), uniform, fixed by the words."""
    digest = hashlib.sha256("\x1f".join(map(str, words)).encode()).digest()
    return (int.from_bytes(digest[:8], "big") + 0.5) / 2**64


def split_of(split: SplitSettings, seed: int, category: str, digest: str) -> Split:
    """Return the split of an image."""
    x = drawn("split", seed, category, digest)
    if x < split.test:
        return "test"
    return "validation" if x < split.test + split.validation else "train"


def label_of(distribution: Normal, seed: int, category: str, digest: str) -> float:
    """Return the label of an image, in cm: the distribution's quantile at a number drawn for it, clipped."""
    length = NormalDist(distribution.mean, distribution.std).inv_cdf(drawn("label", seed, category, digest))
    return clipped(distribution, length)


def label_by(config: Config, category: str, digest: str) -> float | str | None:
    """Return the label of an image by the config alone: a length in cm, or the category where that is wanted.

    None where only the list tells lengths.
    """
    if config.named:
        return category
    distribution = config.categories[category].label
    return label_of(distribution, config.seed, category, digest) if distribution else None


def clipped(distribution: Normal, length_cm: float) -> float:
    """Return a length within the distribution's range."""
    low = -math.inf if distribution.min is None else distribution.min
    high = math.inf if distribution.max is None else distribution.max
    return min(max(length_cm, low), high)


def mean_of(distribution: Normal) -> float:
    """Return the mean in cm of the distribution after clipping.

    E[clip(X)] = a F(a) + b (1 - F(b)) + mean (F(b) - F(a)) - std (f(b) - f(a)) with the standard normal's F and f;
    https://en.wikipedia.org/wiki/Truncated_normal_distribution gives the middle part.
    """
    unit = NormalDist()
    total, low, high = 0.0, -math.inf, math.inf
    if distribution.min is not None:
        low = (distribution.min - distribution.mean) / distribution.std
        total += distribution.min * unit.cdf(low)
    if distribution.max is not None:
        high = (distribution.max - distribution.mean) / distribution.std
        total += distribution.max * (1 - unit.cdf(high))
    inside = (unit.cdf(high) if high < math.inf else 1.0) - (unit.cdf(low) if low > -math.inf else 0.0)
    edge = (unit.pdf(high) if high < math.inf else 0.0) - (unit.pdf(low) if low > -math.inf else 0.0)
    return total + distribution.mean * inside - distribution.std * edge


def median_of(distribution: Normal) -> float:
    """Return the median in cm of the distribution after clipping."""
    return clipped(distribution, distribution.mean)


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


def are_synthetic(rows: pd.DataFrame, config: Config) -> bool:
    """Tell whether every label of `rows` (category, digest, label) is the one drawn for its image, none a real one."""
    for category, digest, label in zip(rows["category"], rows["digest"], rows["label"], strict=True):
        distribution = config.categories[category].label
        if distribution is None or label != label_of(distribution, config.seed, category, digest):
            return False
    return True


@dataclass(frozen=True)
class Oracle:
    """The best that can be done by who knows the category and nothing else."""

    rmse: float
    """In cm, when it says each category's mean."""
    mae: float
    """In cm, when it says each category's median."""


def oracle(rows: pd.DataFrame, distributions: Mapping[str, Normal | None]) -> Oracle | None:
    """Return the oracle's errors on the very labels of `rows` (category, label); None where labels are real."""
    if any(distributions.get(category) is None for category in rows["category"].unique()):
        return None
    label = rows["label"].to_numpy(dtype=np.float64)
    off_mean = label - _by_category(rows, distributions, mean_of)
    off_median = label - _by_category(rows, distributions, median_of)
    return Oracle(float(np.sqrt(np.mean(off_mean**2))), float(np.mean(np.abs(off_median))))


def answers(rows: pd.DataFrame, distributions: Mapping[str, Normal | None]) -> NDArray[np.float64]:
    """Return what the oracle says of each row (category), in cm: its category's mean."""
    return _by_category(rows, distributions, mean_of)


LEAK = 0.01
"""The alarm rings where so much luck, or more, would be needed; clean data ring it in one run of a hundred."""
SHUFFLES = 1999


def leak(rows: pd.DataFrame, distributions: Mapping[str, Normal | None], seed: int) -> float:
    """Return the probability that predictions go with the labels' noise by chance; a small one means a leak.

    A label is its category's mean and noise that no picture knows. So within a category labels may be shuffled among
    the images, and the predictions must not fit the true order better than shuffled ones: an exact permutation test,
    whatever the head is. `rows`: category, label, prediction. https://doi.org/10.1007/b138265
    """
    random = np.random.default_rng(seed)
    noise = rows["label"].to_numpy(dtype=np.float64) - _by_category(rows, distributions, mean_of)
    knows = rows["prediction"].groupby(rows["category"]).transform(lambda p: p - p.mean()).to_numpy(dtype=np.float64)
    fits, shuffled = float(noise @ knows), np.zeros(SHUFFLES)
    for positions in rows.reset_index(drop=True).groupby("category").indices.values():
        orders = random.permuted(np.tile(noise[positions], (SHUFFLES, 1)), axis=1)
        shuffled += orders @ knows[positions]
    return float((1 + (shuffled >= fits - 1e-9 * abs(fits)).sum()) / (1 + SHUFFLES))


def _by_category(rows: pd.DataFrame, distributions: Mapping[str, Normal | None], of: object) -> NDArray[np.float64]:
    said = {name: of(d) for name, d in distributions.items() if d is not None}  # type: ignore[operator]
    return rows["category"].map(said).to_numpy(dtype=np.float64)
