"""Certainty: which share of test labels 90% intervals hold, and of test categories 90% sets; by category too.

Means over the draws. Sets hold the likeliest category at least: more than 90% where that is right more often.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from learning_rows.labels import LABELS
from numpy.typing import NDArray
from photographs import Photographs

from regraft.config import HeadSettings, Normal
from regraft.dataset.labels import label_of
from regraft.heads.training import train
from regraft.store.feature_rows import ArrayRows
from regraft.targets.categories import Categories
from regraft.targets.labels import SyntheticLabels
from regraft.targets.lengths import Lengths

DRAWS = 30
"""Of the smallest size; of larger ones so many fewer."""
DISTRIBUTIONS = {"tiger": Normal(mean=100, std=30, min=20), "cat": Normal(mean=40, std=8, min=10)}
NAMES = ("cat", "tiger")
SIZES = (130, 340, 840)
"""Of which 20, 51 and 126 are validation images."""


def lines(pictures: Photographs, draws: int) -> Iterator[str]:
    yield (
        f"{'':34}{'draws':>6}{'images':>8}{'held':>8}"
        + "".join(f"{name:>8}" for name in NAMES)
        + f"{'width, size':>14}"
    )
    for size in SIZES:
        seeds = range(max(1, draws * min(SIZES) // size))
        for name in ("drawn lengths", "brightness", "zoom"):
            yield _line(f"intervals, {name}", size, [_intervals(pictures, size, name, seed) for seed in seeds])
        for wrong in (0.0, 0.1, 0.2):
            results = [_sets(pictures, size, wrong, seed) for seed in seeds]
            yield _line(f"sets, {wrong:.0%} wrong", size, results)


def _line(name: str, size: int, results: list[pd.DataFrame]) -> str:
    rows = pd.concat(results)
    shares = "".join(f"{rows['held'][rows['category'] == category].mean():8.3f}" for category in NAMES)
    return f"{name:34}{len(results):6}{size:8}{rows['held'].mean():8.3f}{shares}{rows['extent'].mean():14.2f}"


def _manifest(pictures: Photographs, rows: NDArray[np.int64]) -> pd.DataFrame:
    share = np.arange(len(rows)) / len(rows)
    split = np.where(share < 0.15, "test", np.where(share < 0.3, "validation", "train"))
    return pd.DataFrame({"digest": pictures.digest[rows], "category": pictures.category[rows], "split": split})


def _intervals(pictures: Photographs, size: int, name: str, seed: int) -> pd.DataFrame:
    """Whether each test label is held, and how wide its interval is, in cm."""
    random = np.random.default_rng(seed)
    rows = random.permutation(len(pictures.digest))[:size]
    manifest, features, distributions = _manifest(pictures, rows), pictures.features, dict(DISTRIBUTIONS)
    if name == "drawn lengths":
        keys = zip(manifest["category"], manifest["digest"], strict=True)
        manifest["label"] = [label_of(DISTRIBUTIONS[category], seed, category, digest) for category, digest in keys]
        synthetic = SyntheticLabels(distributions, seed)
    else:
        features, _, values = LABELS[name](pictures, random)
        manifest["label"] = values[rows]
        synthetic = SyntheticLabels(dict.fromkeys(NAMES), seed)
    x = ArrayRows(features[rows])
    trained = train(manifest, x, Lengths(), HeadSettings(), synthetic, seed)
    predictions = trained.head.predictions(manifest, x).assign(left_out=trained.left_out)
    test = predictions[predictions["split"] == "test"]
    low, high = Lengths().calibration(predictions).interval(test["prediction"].to_numpy())
    return test.assign(held=(low <= test["label"]) & (test["label"] <= high), extent=high - low)


def _sets(pictures: Photographs, size: int, wrong: float, seed: int) -> pd.DataFrame:
    """Whether each test picture's category, which may be wrong, is held, and how many its set holds."""
    random = np.random.default_rng(seed)
    rows = random.permutation(len(pictures.digest))[:size]
    manifest, target, x = _manifest(pictures, rows), Categories(NAMES), ArrayRows(pictures.features[rows])
    other = manifest["category"].map({"cat": "tiger", "tiger": "cat"})
    manifest["category"] = manifest["category"].mask(random.random(size) < wrong, other)
    manifest["label"] = manifest["category"]
    settings = HeadSettings(target="category")
    trained = train(manifest, x, target, settings, SyntheticLabels(dict.fromkeys(NAMES), seed), seed)
    predictions = trained.head.predictions(manifest, x).assign(left_out=trained.left_out)
    is_test = (predictions["split"] == "test").to_numpy()
    possible = target.calibration(predictions).possible(trained.head.predict(x.array[is_test]))
    own = predictions["category"][is_test].map(NAMES.index).to_numpy()
    held = possible[np.arange(len(own)), own]
    return predictions[is_test].assign(held=held, extent=possible.sum(axis=1))
