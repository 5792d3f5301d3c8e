"""Real labels: RMSE on the test split by the mean of the categories' (below 1: better), means of the draws.

Splits are drawn anew in each draw, 15% each for validation and test; rivals fit train and validation, and choose by
cross-validation there, on the features of the pictures, scaled. Our head is the one that a run trains: it is shown the
categories too, and the classifier of the backbone. Its kind of regression was chosen on draws 1000 to 1015 and on
handwritten digits; these are draws from 0 on. The means know the category of each test picture.
"""

from collections.abc import Callable, Iterator, Sequence

import lightgbm
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from photographs import Photographs
from sklearn.base import BaseEstimator
from sklearn.cross_decomposition import PLSRegression
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import RidgeCV
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from trained import trained

from regraft.targets.labels import SyntheticLabels
from regraft.targets.lengths import Lengths

DRAWS = 16
"""Of the smallest size; of larger ones so many fewer."""
SIZES = (190, 840)
"""Of which 161 and 714 are learnt from. There are no more photographs."""
FOLDS = 5
Values = NDArray[np.float64]


def lines(pictures: Photographs, draws: int) -> Iterator[str]:
    yield f"{'images':>6} {'draws':>5} {'labels':34}" + "".join(f"{name:>14}" for name in ("ours", *RIVALS))
    for size in SIZES:
        count = max(1, draws * min(SIZES) // size)
        for name, label in LABELS.items():
            ratios = np.mean([_ratios(pictures, size, label, seed) for seed in range(count)], axis=0)
            yield f"{size:6} {count:5} {name:34}" + "".join(f"{ratio:14.3f}" for ratio in ratios)


def _ratios(pictures: Photographs, size: int, label: "Label", seed: int) -> Values:
    """RMSE by that of the categories' means, of ours and of each rival."""
    random = np.random.default_rng(seed)
    rows = random.permutation(len(pictures.digest))[:size]
    features, values, noisy = label(pictures, random)
    split = np.where(
        np.arange(size) < 0.15 * size, "test", np.where(np.arange(size) < 0.3 * size, "validation", "train")
    )
    manifest = pd.DataFrame(
        {"digest": pictures.digest[rows], "category": pictures.category[rows], "split": split, "label": noisy[rows]}
    )
    manifest["cluster"] = manifest["digest"]
    x, is_test, test = features[rows], split == "test", values[rows][split == "test"]
    means = manifest[~is_test].groupby("category")["label"].mean()
    answers = [manifest["category"].map(means).to_numpy()[is_test], _ours(manifest, x, seed)[is_test]]
    answers += [rival(x[~is_test], manifest["label"].to_numpy()[~is_test], x[is_test]) for rival in RIVALS.values()]
    errors = [float(np.sqrt(np.mean((answer - test) ** 2))) for answer in answers]
    return np.array(errors[1:]) / errors[0]


def _ours(manifest: pd.DataFrame, x: NDArray[np.float32], seed: int) -> Values:
    nothing_drawn = SyntheticLabels(dict.fromkeys(manifest["category"].unique()), seed)
    return trained(manifest, x, Lengths(), nothing_drawn, seed).head.predict(x)


# labels: the features that they are to be learnt from, true labels for the test, and what is known of them

Label = Callable[[Photographs, np.random.Generator], tuple[NDArray[np.float32], Values, Values]]


def _zoom_some_wrong(pictures: Photographs, random: np.random.Generator) -> tuple[NDArray[np.float32], Values, Values]:
    true = 100 * pictures.zoom
    return pictures.zoomed, true, np.where(random.random(len(true)) < 0.05, random.permutation(true), true)


def _zoom_some_tenfold(
    pictures: Photographs, random: np.random.Generator
) -> tuple[NDArray[np.float32], Values, Values]:
    true = 100 * pictures.zoom
    return pictures.zoomed, true, np.where(random.random(len(true)) < 0.05, 10 * true, true)


def _heavy_tail(pictures: Photographs, random: np.random.Generator) -> tuple[NDArray[np.float32], Values, Values]:
    noisy = 100 * pictures.zoom + 5 * random.standard_t(3, len(pictures.zoom))
    return pictures.zoomed, noisy, noisy


def _in_part_of_the_picture(
    pictures: Photographs, random: np.random.Generator
) -> tuple[NDArray[np.float32], Values, Values]:
    projection = pictures.features @ random.normal(0, 1, pictures.features.shape[1])
    noisy = _category(pictures) + 10 * (projection - projection.mean()) / projection.std()
    noisy += random.normal(0, 10, len(noisy))
    return pictures.features, noisy, noisy


def _noise(pictures: Photographs, random: np.random.Generator) -> tuple[NDArray[np.float32], Values, Values]:
    noisy = _category(pictures) + random.normal(0, 20, len(pictures.category))
    return pictures.features, noisy, noisy


def _nothing(pictures: Photographs, random: np.random.Generator) -> tuple[NDArray[np.float32], Values, Values]:
    noisy = random.normal(70, 20, len(pictures.category))
    return pictures.features, noisy, noisy


def _category(pictures: Photographs) -> Values:
    return np.where(pictures.category == "tiger", 100.0, 40.0)


LABELS: dict[str, Label] = {
    "brightness": lambda p, _: (p.features, p.brightness, p.brightness),
    "saturation": lambda p, _: (p.features, 100 * p.saturation, 100 * p.saturation),
    "zoom": lambda p, _: (p.zoomed, 100 * p.zoom, 100 * p.zoom),
    "zoom, 5% wrong": _zoom_some_wrong,
    "zoom, 5% tenfold": _zoom_some_tenfold,
    "zoom, heavy tail": _heavy_tail,
    "category + 10 x picture + noise": _in_part_of_the_picture,
    "category + noise": _noise,
    "noise": _nothing,
}


# rivals

Rival = Callable[[NDArray[np.float32], Values, NDArray[np.float32]], Values]


def _rival(model: BaseEstimator, grid: dict[str, Sequence[float]] | None = None) -> Rival:
    """A regressor on scaled features and labels, whose parameters are chosen from a grid by cross-validation."""

    def answer(x: NDArray[np.float32], y: Values, test: NDArray[np.float32]) -> Values:
        chosen = GridSearchCV(model, grid, cv=FOLDS, scoring="neg_mean_squared_error") if grid else model
        mean, std = y.mean(), y.std()
        fitted = make_pipeline(StandardScaler(), chosen).fit(x, (y - mean) / std)
        return mean + std * np.asarray(fitted.predict(test)).reshape(-1)

    return answer


def _kernel_rival(model: BaseEstimator, grid: dict[str, Sequence[float]]) -> Rival:
    """The same for a regressor on an RBF kernel; each width's kernel is computed once, not in each fit."""

    def answer(x: NDArray[np.float32], y: Values, test: NDArray[np.float32]) -> Values:
        scaler = StandardScaler().fit(x)
        x, test = scaler.transform(x), scaler.transform(test)
        mean, std = y.mean(), y.std()
        searches = [
            GridSearchCV(model, grid, cv=FOLDS, scoring="neg_mean_squared_error").fit(
                rbf_kernel(x, gamma=width), (y - mean) / std
            )
            for width in WIDTHS
        ]
        best = int(np.argmax([search.best_score_ for search in searches]))
        return mean + std * np.asarray(searches[best].predict(rbf_kernel(test, x, gamma=WIDTHS[best])))

    return answer


WIDTHS = [1 / 5120, 1 / 2560, 1 / 1280]
RIVALS: dict[str, Rival] = {
    "RidgeCV": _rival(RidgeCV(np.logspace(1, 6, 16))),
    "SVR": _kernel_rival(SVR(kernel="precomputed"), {"C": [0.3, 1, 3, 10], "epsilon": [0.03, 0.2]}),
    "kernel ridge": _kernel_rival(KernelRidge(kernel="precomputed"), {"alpha": [0.01, 0.03, 0.1, 0.3, 1, 3]}),
    "LightGBM": _rival(
        lightgbm.LGBMRegressor(n_estimators=150, learning_rate=0.05, colsample_bytree=0.25, n_jobs=1, verbose=-1)
    ),
    "PLS": _rival(PLSRegression(), {"n_components": [2, 4, 8, 16]}),
    "kNN": _rival(KNeighborsRegressor(weights="distance"), {"n_neighbors": [3, 5, 10, 20]}),
}
