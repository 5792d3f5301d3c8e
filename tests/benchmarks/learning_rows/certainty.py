"""Certainty: which share of test labels 90% intervals hold, and of test categories 90% sets; by category too.

Means over the draws, and the standard error of the share that is held. Sets hold the likeliest category at least: more
than 90% where that is right more often, for no smaller set but the empty one is left. `own width` is how wide intervals
are that go by the errors of one category alone, however few those are.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from learning_rows.labels import LABELS
from numpy.typing import NDArray
from photographs import Photographs
from trained import trained

from regraft.config import Normal
from regraft.dataset.labels import label_of
from regraft.heads.head import Trained
from regraft.store.feature_rows import ArrayRows
from regraft.targets.calibration import conformal_error, left_out_of
from regraft.targets.categories import Categories
from regraft.targets.labels import SyntheticLabels
from regraft.targets.lengths import Lengths
from regraft.targets.target import Target

DRAWS = 30
DISTRIBUTIONS = {"tiger": Normal(mean=100, std=30, min=20), "cat": Normal(mean=40, std=8, min=10)}
NAMES = ("cat", "tiger")
SIZES = (130, 340, 840)
"""Of which 20, 51 and 126 are validation images."""


def lines(pictures: Photographs, draws: int) -> Iterator[str]:
    names = "".join(f"{name:>8}" for name in NAMES)
    yield f"{'':34}{'draws':>6}{'images':>8}{'held':>8}{'error':>8}{names}{'width, size':>14}{'own width':>12}"
    for size in SIZES:
        for name in ("drawn lengths", "brightness", "zoom"):
            results = [_intervals(pictures, size, name, seed) for seed in range(draws)]
            yield _line(f"intervals, {name}", size, results)
        for wrong in (0.0, 0.1, 0.2):
            results = [_sets(pictures, size, wrong, seed) for seed in range(draws)]
            yield _line(f"sets, {wrong:.0%} wrong", size, results)


def _line(name: str, size: int, results: list[pd.DataFrame]) -> str:
    rows, shares = pd.concat(results), np.array([result["held"].mean() for result in results])
    own = "".join(f"{rows['held'][rows['category'] == category].mean():8.3f}" for category in NAMES)
    error = shares.std() / np.sqrt(len(shares))
    held = f"{rows['held'].mean():8.3f}{error:8.3f}{own}"
    return f"{name:34}{len(results):6}{size:8}{held}{rows['extent'].mean():14.2f}{rows['own_width'].mean():12.2f}"


def _manifest(pictures: Photographs, rows: NDArray[np.int64]) -> pd.DataFrame:
    share = np.arange(len(rows)) / len(rows)
    split = np.where(share < 0.15, "test", np.where(share < 0.3, "validation", "train"))
    digest = pictures.digest[rows]
    return pd.DataFrame({"digest": digest, "category": pictures.category[rows], "cluster": digest, "split": split})


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
    x = features[rows]
    return _held(manifest, x, Lengths(), trained(manifest, x, Lengths(), synthetic, seed))


def _sets(pictures: Photographs, size: int, wrong: float, seed: int) -> pd.DataFrame:
    """Whether each test picture's category, which may be wrong, is held, and how many its set holds."""
    random = np.random.default_rng(seed)
    rows = random.permutation(len(pictures.digest))[:size]
    manifest, target, x = _manifest(pictures, rows), Categories(NAMES), pictures.features[rows]
    other = manifest["category"].map({"cat": "tiger", "tiger": "cat"})
    manifest["category"] = manifest["category"].mask(random.random(size) < wrong, other)
    manifest["label"] = manifest["category"]
    synthetic = SyntheticLabels(dict.fromkeys(NAMES), seed)
    return _held(manifest, x, target, trained(manifest, x, target, synthetic, seed))


def _held(manifest: pd.DataFrame, x: NDArray[np.float32], target: Target, result: Trained) -> pd.DataFrame:
    """category, held, extent and own_width of each test picture."""
    predictions = result.head.predictions(manifest, ArrayRows(x)).assign(left_out=result.left_out)
    is_test = (predictions["split"] == "test").to_numpy()
    test, answers, category = predictions[is_test], result.head.predict(x[is_test]), result.head.likeliest_categories(x)
    assert category is not None
    calibration = target.calibration(predictions, knows_categories=True)
    coverage = target.coverage(test, answers, calibration, category[is_test])
    own_width = _own_widths(predictions)[category[is_test]] if target.regresses_lengths else np.nan
    return test[["category"]].assign(held=coverage.is_held, extent=coverage.extent, own_width=own_width)


def _own_widths(predictions: pd.DataFrame) -> NDArray[np.float64]:
    """The width, (C,) in cm, of intervals that go by the errors of one category alone."""
    rows = left_out_of(predictions, "prediction")
    errors = (rows["prediction"] - rows["label"]).abs()
    return np.array([2 * conformal_error(errors[rows["category"] == name].to_numpy()) for name in NAMES])
