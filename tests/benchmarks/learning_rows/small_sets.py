"""Small sets: how far the test RMSE is above the oracle's, with drawn labels; mean and largest of the draws.

The oracle knows the list of each picture. Categories are the lists themselves, with and without the kitten among the
tigers, which a run drops, and kinds of pictures within a list, by k-means: some of these hardly differ. How learners
are blended and features scaled was chosen on draws from 100 on, on drawings and photographs of a package of stamps and
on handwritten digits; these are draws 0 to 29. As in a run, our head also gets the backbone's own classifier.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from photographs import Photographs
from sklearn.cluster import KMeans

from regraft.backbones.classifier import classifier_of
from regraft.config import BackboneSettings, HeadSettings, Normal
from regraft.dataset.labels import label_of
from regraft.heads.training import train
from regraft.store.feature_rows import ArrayRows
from regraft.targets.labels import SyntheticLabels
from regraft.targets.lengths import Lengths
from regraft.targets.oracle import oracle_answers

DRAWS = 30
DISTRIBUTIONS = {
    "a": Normal(mean=100, std=30, min=20),
    "b": Normal(mean=40, std=8, min=10),
    "c": Normal(mean=65, std=12, min=10),
}
COMPONENTS = 20
"""Principal components that kinds are told apart by."""


def lines(pictures: Photographs, draws: int) -> Iterator[str]:
    yield f"{'':44}{'draws':>6}{'images':>8}{'mean':>8}{'largest':>9}{'of them misnamed':>18}"
    classifier = classifier_of(BackboneSettings(), pictures.features.shape[1])
    for name, category in _divisions(pictures).items():
        for size in (190, 840):
            rows = np.flatnonzero(category != "")
            if size == 840 and not name.startswith("tigers, cats"):
                continue
            count = min(size, len(rows))
            results = [_excess(pictures, category, rows, count, seed, classifier) for seed in range(draws)]
            excess, misnamed = np.array(results).T
            numbers = f"{count:8}{excess.mean():8.1%}{excess.max():9.1%}{misnamed.mean():18.2f}"
            yield f"{name:44}{draws:6}{numbers}"


def _divisions(pictures: Photographs) -> dict[str, NDArray[np.str_]]:
    """By name the category of each photograph, "" where it is of none."""
    is_tiger = pictures.category == "tiger"
    lists = np.where(is_tiger, "a", "b")
    without = np.where(pictures.is_misfiled, "", lists)
    return {
        "tigers, cats": lists,
        "tigers, cats, without what a run drops": without,
        "two kinds of tigers": _kinds(pictures.features, is_tiger, 2),
        "two kinds of cats": _kinds(pictures.features, ~is_tiger, 2),
        "three kinds of tigers": _kinds(pictures.features, is_tiger, 3),
    }


def _kinds(features: NDArray[np.float32], is_used: NDArray[np.bool_], count: int) -> NDArray[np.str_]:
    """Kinds of some of the pictures, by their principal components."""
    centred = features[is_used] - features[is_used].mean(axis=0)
    left, scales, _ = np.linalg.svd(centred, full_matrices=False)
    kinds = KMeans(count, n_init=3, random_state=0).fit_predict(left[:, :COMPONENTS] * scales[:COMPONENTS])
    result = np.full(len(features), "")
    result[is_used] = np.array(list(DISTRIBUTIONS))[kinds]
    return result


def _excess(
    pictures: Photographs,
    category: NDArray[np.str_],
    rows: NDArray[np.int64],
    size: int,
    seed: int,
    classifier: NDArray[np.float32] | None,
) -> tuple[float, float]:
    """The excess over the oracle, and how many test pictures are nearer to another category's mean."""
    chosen = np.random.default_rng(seed).permutation(rows)[:size]
    share = np.arange(size) / size
    manifest = pd.DataFrame({"digest": pictures.digest[chosen], "category": category[chosen]})
    manifest["split"] = np.where(share < 0.15, "test", np.where(share < 0.3, "validation", "train"))
    synthetic = SyntheticLabels(DISTRIBUTIONS, seed)
    keys = zip(manifest["category"], manifest["digest"], strict=True)
    manifest["label"] = [label_of(DISTRIBUTIONS[name], seed, name, digest) for name, digest in keys]
    x = pictures.features[chosen]
    head = train(manifest, ArrayRows(x), Lengths(), HeadSettings(), synthetic, seed, classifier).head
    test = np.flatnonzero(manifest["split"] == "test")
    label, lengths = manifest["label"].to_numpy()[test], head.predict(x[test])
    best = oracle_answers(manifest.iloc[test], DISTRIBUTIONS)
    means = oracle_answers(pd.DataFrame({"category": sorted(set(manifest["category"]))}), DISTRIBUTIONS)
    differences = lengths[:, None] - means
    nearest = means[np.abs(differences).argmin(axis=1)]
    excess = np.sqrt(np.mean((lengths - label) ** 2) / np.mean((best - label) ** 2)) - 1
    return float(excess), float((nearest != best).sum())
