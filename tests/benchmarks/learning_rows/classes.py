"""Classes: accuracy, Brier score, log-loss and calibration error (ECE, ten bins) on all images that are left over.

So many images a class to learn from, a fifth of them validation, and so many of their labels wrong. scikit-learn's
LogisticRegressionCV gets all of them, scaled and in their principal coordinates, in which its penalty is the same, and
chooses by log-loss; prototypes are the classes' means, with the temperature that fits five folds; linear discriminants
have a covariance shrunken by 0.9. Lower is better but for accuracy. Our head is the one that a run trains, with the
classifier of the backbone. How learners are blended was chosen on photographs of a package of stamps, on handwritten
digits, on drawn numbers and on other draws (from 1000 on); these are draws from 0 on.
"""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from photographs import Photographs
from scipy.special import log_softmax, softmax
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import StratifiedKFold
from trained import trained

from regraft.targets.categories import Categories
from regraft.targets.labels import SyntheticLabels

DRAWS = 6
COUNTS = (10, 20, 50, 100, 300)
"""Images of each class to learn from."""
WRONG = (0.0, 0.1, 0.2)
"""The share of labels that is wrong."""
BINS = 10
FOLDS = 5
FACTORS = np.geomspace(1e-4, 10, 60)
Values = NDArray[np.float64]
Indices = NDArray[np.int64]
Way = Callable[[NDArray[np.float32], Indices, NDArray[np.float32]], Values]
"""From features, (N, D), and classes, (N,), to learn from, and unseen features, (K, D), to probabilities, (K, C)."""


def lines(pictures: Photographs, draws: int) -> Iterator[str]:
    category = np.unique(pictures.category, return_inverse=True)[1].astype(np.int64)
    yield f"{'draws':>5}{'a class':>8}{'wrong':>7} {'':22}{'accuracy':>10}{'Brier':>8}{'log-loss':>10}{'ECE':>8}"
    for count in COUNTS:
        for wrong in WRONG:
            for name, way in WAYS.items():
                seeds = range(draws)
                accuracy, *others = np.mean([_scores(pictures, category, count, wrong, s, way) for s in seeds], axis=0)
                brier, log_loss, error = others
                numbers = f"{accuracy:10.1%}{brier:8.3f}{log_loss:10.3f}{error:8.3f}"
                yield f"{draws:5}{count:8}{wrong:7.0%} {name:22}{numbers}"


def _scores(pictures: Photographs, category: Indices, count: int, wrong: float, seed: int, way: Way) -> list[float]:
    random = np.random.default_rng(seed)
    rows = np.concatenate([random.permutation(np.flatnonzero(category == k))[:count] for k in np.unique(category)])
    rows = random.permutation(rows)
    is_wrong = random.random(len(rows)) < wrong
    shown = np.where(is_wrong, (category[rows] + 1) % (category.max() + 1), category[rows])
    rest = np.setdiff1d(np.arange(len(category)), rows)
    probabilities, own = way(pictures.features[rows], shown, pictures.features[rest]), category[rest]
    right = probabilities[np.arange(len(own)), own]
    squared = ((probabilities - np.eye(probabilities.shape[1])[own]) ** 2).sum(axis=1)
    is_hit = probabilities.argmax(axis=1) == own
    log_loss = -np.log(np.maximum(right, 1e-12)).mean()
    return [float(is_hit.mean()), float(squared.mean()), float(log_loss), _calibration_error(probabilities, is_hit)]


def _calibration_error(probabilities: Values, is_hit: NDArray[np.bool_]) -> float:
    """How far the likeliest class's probability is from how often it is right, over bins of probability."""
    sure = probabilities.max(axis=1)
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    return float(sum(abs((sure - is_hit)[bins == each].sum()) for each in range(BINS)) / len(sure))


def _ours(x: NDArray[np.float32], own: Indices, unseen: NDArray[np.float32]) -> Values:
    names = [f"class {k}" for k in range(int(own.max()) + 1)]
    split = np.where(np.arange(len(own)) % 5 == 0, "validation", "train")
    digests = [f"{i:06d}" for i in range(len(own))]
    categories = [names[k] for k in own]
    manifest = pd.DataFrame({"digest": digests, "category": categories, "split": split, "label": categories})
    manifest["cluster"] = manifest["digest"]
    synthetic = SyntheticLabels(dict.fromkeys(names), 0)
    return trained(manifest, x, Categories(tuple(names)), synthetic, 0).head.predict(unseen)


def principal(x: NDArray[np.float32], unseen: NDArray[np.float32]) -> tuple[Values, Values]:
    """Return scaled features in the principal coordinates of those to learn from."""
    mean, spread = x.mean(axis=0), np.sqrt(np.maximum(x.var(axis=0), 1e-3 * x.var(axis=0).mean()))
    scaled = ((x - mean) / spread).astype(np.float64)
    directions = np.linalg.svd(scaled, full_matrices=False)[2].T
    return scaled @ directions, ((unseen - mean) / spread) @ directions


def _logistic(x: NDArray[np.float32], own: Indices, unseen: NDArray[np.float32]) -> Values:
    learnt, others = principal(x, unseen)
    model = LogisticRegressionCV(Cs=10, cv=FOLDS, scoring="neg_log_loss", max_iter=300).fit(learnt, own)
    return np.asarray(model.predict_proba(others))


def _prototypes(x: NDArray[np.float32], own: Indices, unseen: NDArray[np.float32]) -> Values:
    learnt, others = principal(x, unseen)

    def scores(inside: Indices, features: Values) -> Values:
        means = np.stack([learnt[inside][own[inside] == k].mean(axis=0) for k in range(int(own.max()) + 1)])
        return np.asarray(features @ means.T - (means**2).sum(axis=1) / 2)

    left_out = np.zeros((len(own), int(own.max()) + 1))
    for inside, outside in StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(learnt, own):
        left_out[outside] = scores(inside, learnt[outside])
    losses = [-log_softmax(f * left_out, axis=1)[np.arange(len(own)), own].mean() for f in FACTORS]
    return softmax(FACTORS[int(np.argmin(losses))] * scores(np.arange(len(own)), others), axis=1)


def _discriminants(x: NDArray[np.float32], own: Indices, unseen: NDArray[np.float32]) -> Values:
    learnt, others = principal(x, unseen)
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.9).fit(learnt, own)
    return np.asarray(model.predict_proba(others))


WAYS: dict[str, Way] = {
    "ours": _ours,
    "LogisticRegressionCV": _logistic,
    "prototypes": _prototypes,
    "discriminants": _discriminants,
}
