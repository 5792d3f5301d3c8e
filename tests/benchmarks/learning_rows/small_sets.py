"""Small sets: how far the test RMSE is above the oracle's, with drawn labels, as steps of a run get there.

Of the photographs of each draw those that look misfiled are dropped; the others are split by their digests, labelled
and learnt from, with the backbone's own classifier. The oracle knows the list of each picture that is left. "Nothing
dropped" learns from the kitten among the tigers and is measured on it; "features alone" does without the classifier;
LogisticRegressionCV of scikit-learn gets what a run learns from, and answers with the means by its probabilities. So do
several discriminants and regressions, the best of which the test labels themselves choose for each draw. Nobody can
know which that is: it shows what no choice among them can reach. Categories are the lists themselves, and kinds of
pictures within a list, by k-means: some of these hardly differ. How learners are blended and features scaled was chosen
on draws from 100 on, on drawings and photographs of a package of stamps, on handwritten digits and on emoji.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from learning_rows import classes
from numpy.typing import NDArray
from photographs import Photographs
from sklearn.cluster import KMeans
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression

from regraft.backbones.classifier import classifier_of
from regraft.config import BackboneSettings, HeadSettings, Normal, SplitSettings
from regraft.dataset.neighbours import find_misfiled
from regraft.dataset.splits import splits_of
from regraft.heads.training import train
from regraft.store.feature_rows import ArrayRows
from regraft.targets.labels import SyntheticLabels
from regraft.targets.lengths import Lengths
from regraft.targets.oracle import oracle_answers

# N images, T images of the test split, D features, K answers of the backbone's classifier
DRAWS = 30
LISTS = "tigers, cats"
SIZES = (190, 840)
DISTRIBUTIONS = {
    "a": Normal(mean=100, std=30, min=20),
    "b": Normal(mean=40, std=8, min=10),
    "c": Normal(mean=65, std=12, min=10),
}
LEARNERS = [
    *(LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage) for shrinkage in (0.01, 0.1, 0.5, 0.9)),
    *(LogisticRegression(C=strength, max_iter=300) for strength in (1e-4, 1e-2, 1.0)),
]
"""Of which the test labels choose."""
COMPONENTS = 20
"""Principal components that kinds are told apart by."""
Values = NDArray[np.float64]
Classifier = NDArray[np.float32] | None
"""(D, K) weights."""


@dataclass(frozen=True)
class Draw:
    """What is learnt from and measured on."""

    manifest: pd.DataFrame
    """digest, category, split and label of N images."""
    features: NDArray[np.float32]
    """(N, D)"""
    labels: SyntheticLabels

    @property
    def is_test(self) -> NDArray[np.bool_]:
        """Which images are in the test split, (N,)."""
        return np.asarray(self.manifest["split"] == "test")


Way = Callable[[Draw, Classifier], Values]
"""From a draw to the lengths, (T,), that are answered for its test split."""


def lines(pictures: Photographs, draws: int) -> Iterator[str]:
    yield f"{'':24}{'':24}{'draws':>6}{'images':>8}{'mean':>8}{'largest':>9}{'over 10%':>10}{'misnamed':>10}"
    classifier = classifier_of(BackboneSettings(), pictures.features.shape[1])
    for name, category in _divisions(pictures).items():
        for size in SIZES[: 2 if name == LISTS else 1]:
            kept = [_draw(pictures, category, size, seed, drops=True) for seed in range(draws)]
            whole = [_draw(pictures, category, size, seed, drops=False) for seed in range(draws)]
            for title, way, drawn in (
                ("as a run does", _ours, kept),
                ("nothing dropped", _ours, whole),
                ("features alone", _features_alone, kept),
                ("LogisticRegressionCV", _logistic, kept),
                ("the best by the test", _best_by_test, kept),
            ):
                excess, misnamed = np.array([_scores(draw, way(draw, classifier)) for draw in drawn]).T
                numbers = f"{excess.mean():8.1%}{excess.max():9.1%}{(excess > 0.1).sum():10}{misnamed.mean():10.2f}"
                yield f"{name:24}{title:24}{draws:6}{len(whole[0].manifest):8}{numbers}"
            if name == LISTS:
                yield f"{'':24}{_kittens(pictures, whole, kept)}"


def _divisions(pictures: Photographs) -> dict[str, NDArray[np.str_]]:
    """By name the category of each photograph, "" where it is of none."""
    is_tiger = pictures.category == "tiger"
    return {
        LISTS: np.where(is_tiger, "a", "b"),
        "two kinds of tigers": kinds(pictures.features, is_tiger, 2),
        "two kinds of cats": kinds(pictures.features, ~is_tiger, 2),
        "three kinds of tigers": kinds(pictures.features, is_tiger, 3),
    }


def kinds(features: NDArray[np.float32], is_used: NDArray[np.bool_], count: int) -> NDArray[np.str_]:
    """Return kinds of some of the pictures, (N,), by their principal components; "" of the others."""
    centred = features[is_used] - features[is_used].mean(axis=0)
    left, scales, _ = np.linalg.svd(centred, full_matrices=False)
    numbers = KMeans(count, n_init=3, random_state=0).fit_predict(left[:, :COMPONENTS] * scales[:COMPONENTS])
    result = np.full(len(features), "")
    result[is_used] = np.array(list(DISTRIBUTIONS))[numbers]
    return result


def _draw(pictures: Photographs, category: NDArray[np.str_], size: int, seed: int, *, drops: bool) -> Draw:
    """Some of the pictures that have a category, of which those that look misfiled may be dropped."""
    rows = np.random.default_rng(seed).permutation(np.flatnonzero(category != ""))[:size]
    manifest = pd.DataFrame({"digest": pictures.digest[rows], "category": category[rows]})
    if drops:
        misfiled = find_misfiled(manifest, ArrayRows(pictures.features[rows])).misfiled.index
        rows, manifest = np.delete(rows, misfiled), manifest.drop(misfiled).reset_index(drop=True)
    manifest["cluster"] = manifest["digest"]
    manifest["split"] = splits_of(manifest, SplitSettings(), seed)
    labels = SyntheticLabels(DISTRIBUTIONS, seed)
    manifest["label"] = [labels.length(*key) for key in zip(manifest["category"], manifest["digest"], strict=True)]
    return Draw(manifest, pictures.features[rows], labels)


def _kittens(pictures: Photographs, whole: list[Draw], kept: list[Draw]) -> str:
    """How often the kitten is among the tigers, and how often it is found there."""
    (digest,) = pictures.digest[pictures.is_misfiled]
    held, left = (sum(digest in set(draw.manifest["digest"]) for draw in draws) for draws in (whole, kept))
    others = sum(len(draw.manifest) for draw in whole) - sum(len(draw.manifest) for draw in kept) - (held - left)
    return f"the kitten is found in {held - left} of the {held} draws that hold it; {others} others are dropped in all"


def _ours(draw: Draw, classifier: Classifier) -> Values:
    settings, seed = HeadSettings(), draw.labels.seed
    trained = train(draw.manifest, ArrayRows(draw.features), Lengths(), settings, draw.labels, seed, classifier)
    return np.asarray(trained.head.predict(draw.features[draw.is_test]), np.float64)


def _features_alone(draw: Draw, classifier: Classifier) -> Values:
    """The lengths that a head answers without the backbone's own classifier, as other backbones have it."""
    return _ours(draw, None)


def _logistic(draw: Draw, classifier: Classifier) -> Values:
    names, own = np.unique(draw.manifest["category"], return_inverse=True)
    learnt, unseen = draw.features[~draw.is_test], draw.features[draw.is_test]
    probabilities = classes.WAYS["LogisticRegressionCV"](learnt, own[~draw.is_test], unseen)
    return probabilities @ oracle_answers(pd.DataFrame({"category": names}), DISTRIBUTIONS)


def _best_by_test(draw: Draw, classifier: Classifier) -> Values:
    """The lengths by that learner, of features alone, which is best on the test split itself."""
    names, own = np.unique(draw.manifest["category"], return_inverse=True)
    learnt, unseen = classes.principal(draw.features[~draw.is_test], draw.features[draw.is_test])
    means = oracle_answers(pd.DataFrame({"category": names}), DISTRIBUTIONS)
    lengths = [learner.fit(learnt, own[~draw.is_test]).predict_proba(unseen) @ means for learner in LEARNERS]
    return min(lengths, key=lambda answers: _scores(draw, answers)[0])


def _scores(draw: Draw, lengths: Values) -> tuple[float, float]:
    """The excess over the oracle, and how many test pictures are nearer to another category's mean."""
    test = draw.manifest[draw.is_test]
    label, best = test["label"].to_numpy(dtype=np.float64), oracle_answers(test, DISTRIBUTIONS)
    means = oracle_answers(pd.DataFrame({"category": sorted(set(draw.manifest["category"]))}), DISTRIBUTIONS)
    nearest = means[np.abs(lengths[:, None] - means).argmin(axis=1)]
    excess = np.sqrt(np.mean((lengths - label) ** 2) / np.mean((best - label) ** 2)) - 1
    return float(excess), float((nearest != best).sum())
