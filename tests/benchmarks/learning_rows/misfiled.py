"""Pictures put into the wrong list: recall and precision of what is called misfiled, ours and cleanlab's.

Of each list the same number of pictures is moved, a share of the smaller one, in so many draws that at least 200 are
moved, of which recall is known to within two percent. Last, a list shows some drawings of its animal among its
photographs, or of one kind of them, by k-means, only some: the share of these that is called misfiled. The kitten that
really is among the tigers is left out. What is chosen in `neighbours`, `chance` and `kin` was chosen on cut-out
drawings and photographs of a package of stamps, on handwritten digits, on emojis, and on draws from 1000 on. cleanlab
gets out-of-fold probabilities of a logistic regression on the same scaled features (five folds), and is run with its
defaults.
"""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from cleanlab.filter import find_label_issues
from learning_rows.small_sets import kinds
from numpy.typing import NDArray
from photographs import Photographs
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from regraft.backbones.embedding import features_of
from regraft.backbones.loading import load_backbone
from regraft.dataset.neighbours import find_misfiled
from regraft.menagerie.drawing import drawing
from regraft.store.feature_rows import ArrayRows

DRAWS = 100
"""Where one picture of each list is moved; where more are, so many fewer."""
MIN_DRAWS = 2
SHARES = (0.0, 0.01, 0.05, 0.1, 0.2, 0.3)
SIZES = ((419, 419), (100, 100), (25, 25))
MINORITIES = (3, 8, 20)
"""Pictures of another kind in a list."""
MINORITY_DRAWS = 10
BESIDE = 200
"""Photographs of each list beside them."""
KINDS = 3
Features = NDArray[np.float32]
Flags = NDArray[np.bool_]
Way = Callable[[Features, NDArray[np.int64]], Flags]
"""From features, (N, D), and the number of each picture's list, (N,), to which pictures are called misfiled, (N,)."""


def lines(pictures: Photographs, draws: int) -> Iterator[str]:
    names, category = np.unique(pictures.category[~pictures.is_misfiled], return_inverse=True)
    features = pictures.features[~pictures.is_misfiled]
    yield f"{'lists':>9} {'moved':>6} {'draws':>6}" + "".join(
        f"{name:>10}{'recall':>8}{'precision':>11}" for name in WAYS
    )
    for sizes in SIZES:
        for share in SHARES:
            if share and not round(share * min(sizes)):
                continue  # too few to move any
            yield _line(features, category, sizes, share, draws)
    for sizes in ((25, 400), (400, 25)):
        yield _line(features, category, sizes, 0.1, draws)
    yield f"\n{'another kind':28}{'pictures':>9}" + "".join(f"{name:>10}" for name in WAYS) + "   share called misfiled"
    drawn = [_drawn_features(str(name), max(MINORITIES) * 2) for name in names]
    by_kind = [kinds(features, category == number, KINDS) for number in range(2)]
    parts = [names == name for names in by_kind for name in np.unique(names) if name]
    for count in MINORITIES:
        seeds = range(MINORITY_DRAWS)
        few = [_drawings(features, category, drawn[k], k, count, seed) for k in range(2) for seed in seeds]
        yield _minority_line("drawings", count, few)
        few = [_of_kind(features, category, part, count, seed) for part in parts for seed in seeds]
        yield _minority_line("photographs", count, few)


def _line(features: Features, category: NDArray[np.int64], sizes: tuple[int, int], share: float, draws: int) -> str:
    of_each_list = round(share * min(sizes))
    count = max(MIN_DRAWS, -(-draws // of_each_list)) if share else 1
    cells = f"{sizes[0]:4}:{sizes[1]:<4} {of_each_list / min(sizes):6.0%} {count:6}"
    for way in WAYS.values():
        hits = called = 0
        for seed in range(count):
            random = np.random.default_rng(seed)
            rows = np.concatenate([random.permutation(np.flatnonzero(category == k))[:n] for k, n in enumerate(sizes)])
            own = category[rows]
            is_moved = _moved(own, share, random)
            flags = way(features[rows], np.where(is_moved, 1 - own, own))
            hits, called = hits + int((flags & is_moved).sum()), called + int(flags.sum())
        share_hit = f"{hits / (2 * count * of_each_list):18.1%}" if share else f"{'':18}"
        cells += share_hit + (f"{hits / called:11.1%}" if share and called else f"{called:9} x ")
    return cells


def _moved(own: NDArray[np.int64], share: float, random: np.random.Generator) -> Flags:
    """Which pictures are moved: of each list so many as are a share of the smaller one."""
    counts = np.bincount(own)
    is_moved = np.zeros(len(own), bool)
    for each in range(len(counts)):
        is_moved[random.permutation(np.flatnonzero(own == each))[: round(share * counts.min())]] = True
    return is_moved


Minority = tuple[Features, NDArray[np.int64], int]
"""Features, (N, D), the number of each picture's list, (N,), and how many of the last pictures are of another kind."""


def _drawings(
    features: Features, category: NDArray[np.int64], drawn: Features, animal: int, count: int, seed: int
) -> Minority:
    """Photographs of both animals, and drawings of one in its list."""
    random = np.random.default_rng(seed)
    rows = np.concatenate([random.permutation(np.flatnonzero(category == k))[:BESIDE] for k in range(2)])
    chosen = drawn[random.permutation(len(drawn))[:count]]
    lists = np.concatenate([category[rows], np.full(len(chosen), animal)])
    return np.concatenate([features[rows], chosen]), lists, len(chosen)


def _of_kind(features: Features, category: NDArray[np.int64], is_kind: Flags, count: int, seed: int) -> Minority:
    """Photographs of both animals, but only some of one kind of one of them."""
    random = np.random.default_rng(seed)
    usual = [random.permutation(np.flatnonzero((category == k) & ~is_kind))[:BESIDE] for k in range(2)]
    rows = np.concatenate([*usual, random.permutation(np.flatnonzero(is_kind))[:count]])
    return features[rows], category[rows], len(rows) - sum(map(len, usual))


def _minority_line(kind: str, count: int, minorities: list[Minority]) -> str:
    """The share of the pictures of another kind that is called misfiled."""
    shares = [
        np.mean([way(features, lists)[-few:].mean() for features, lists, few in minorities]) for way in WAYS.values()
    ]
    return f"{kind:28}{count:9}" + "".join(f"{share:10.1%}" for share in shares)


def _drawn_features(animal: str, count: int) -> Features:
    return features_of([np.asarray(drawing(animal, f"{i}")) for i in range(count)], load_backbone("efficientnet-lite0"))


def _ours(features: Features, lists: NDArray[np.int64]) -> Flags:
    digests = [f"{i * 2654435761 % 2**32:08x}" for i in range(len(lists))]
    manifest = pd.DataFrame({"digest": digests, "category": [f"list {k}" for k in lists]})
    flags = np.zeros(len(lists), bool)
    flags[find_misfiled(manifest, ArrayRows(features)).misfiled.index] = True
    return flags


def _cleanlab(features: Features, lists: NDArray[np.int64]) -> Flags:
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.001, max_iter=200))
    probabilities = cross_val_predict(model, features, lists, cv=5, method="predict_proba")
    return np.asarray(find_label_issues(lists, probabilities, n_jobs=1))


WAYS: dict[str, Way] = {"ours": _ours, "cleanlab": _cleanlab}
