"""Pictures put into the wrong list: recall and precision of what is called misfiled, ours and cleanlab's.

Of each list the same number of pictures is moved, a share of the smaller one. Last, a list shows some drawings of its
animal among its photographs: the share of these that is called misfiled. The kitten that really is among the tigers is
left out. What is chosen in `neighbours` and `chance` was chosen on cut-out drawings and photographs of a package of
stamps, on handwritten digits, and on draws from 1000 on. cleanlab gets out-of-fold probabilities of a logistic
regression on the same scaled features (five folds), and is run with its defaults.
"""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from cleanlab.filter import find_label_issues
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

DRAWS = 40
"""Of the smallest lists; of larger ones so many fewer."""
SHARES = (0.0, 0.01, 0.05, 0.1, 0.2, 0.3)
SIZES = ((419, 419), (100, 100), (25, 25))
MIN_SIZE = 25
DRAWINGS = (3, 8, 20)
Flags = NDArray[np.bool_]
Way = Callable[[NDArray[np.float32], NDArray[np.int64]], Flags]
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
    yield f"\n{'drawings':>9}" + "".join(f"{name:>20}" for name in WAYS) + "   share called misfiled"
    drawn = {name: _drawn_features(str(name), max(DRAWINGS) * 2) for name in names}
    for count in DRAWINGS:
        few = max(1, draws // 10)
        shares = {name: _of_drawings(features, category, drawn, count, few, way) for name, way in WAYS.items()}
        yield f"{count:9}" + "".join(f"{share:20.1%}" for share in shares.values())


def _line(
    features: NDArray[np.float32], category: NDArray[np.int64], sizes: tuple[int, int], share: float, draws: int
) -> str:
    count = max(1, draws * MIN_SIZE // min(sizes)) if share else 1
    moved_share = round(share * min(sizes)) / min(sizes)
    cells = f"{sizes[0]:4}:{sizes[1]:<4} {moved_share:6.0%} {count:6}"
    for way in WAYS.values():
        hits = called = moved = 0
        for seed in range(count):
            random = np.random.default_rng(seed)
            rows = np.concatenate([random.permutation(np.flatnonzero(category == k))[:n] for k, n in enumerate(sizes)])
            own = category[rows]
            is_moved = _moved(own, share, random)
            flags = way(features[rows], np.where(is_moved, 1 - own, own))
            hits, called, moved = (
                hits + int((flags & is_moved).sum()),
                called + int(flags.sum()),
                moved + is_moved.sum(),
            )
        share_hit = f"{hits / moved:18.1%}" if moved else f"{'':18}"
        cells += share_hit + (f"{hits / called:11.1%}" if share and called else f"{called:9} x ")
    return cells


def _moved(own: NDArray[np.int64], share: float, random: np.random.Generator) -> Flags:
    """Which pictures are moved: of each list so many as are a share of the smaller one."""
    counts = np.bincount(own)
    is_moved = np.zeros(len(own), bool)
    for each in range(len(counts)):
        is_moved[random.permutation(np.flatnonzero(own == each))[: round(share * counts.min())]] = True
    return is_moved


def _of_drawings(
    features: NDArray[np.float32],
    category: NDArray[np.int64],
    drawn: dict[str, NDArray[np.float32]],
    count: int,
    draws: int,
    way: Way,
) -> float:
    """The share of drawings that is called misfiled in the list of their own animal, of 200 pictures."""
    flags = []
    for seed in range(draws):
        random = np.random.default_rng(seed)
        for number, drawings in enumerate(drawn.values()):
            rows = np.concatenate([random.permutation(np.flatnonzero(category == k))[:200] for k in range(2)])
            chosen = drawings[random.permutation(len(drawings))[:count]]
            lists = np.concatenate([category[rows], np.full(count, number)])
            flags.append(way(np.concatenate([features[rows], chosen]), lists)[-count:].mean())
    return float(np.mean(flags))


def _drawn_features(animal: str, count: int) -> NDArray[np.float32]:
    return features_of([np.asarray(drawing(animal, f"{i}")) for i in range(count)], load_backbone("efficientnet-lite0"))


def _ours(features: NDArray[np.float32], lists: NDArray[np.int64]) -> Flags:
    digests = [f"{i * 2654435761 % 2**32:08x}" for i in range(len(lists))]
    manifest = pd.DataFrame({"digest": digests, "category": [f"list {k}" for k in lists]})
    flags = np.zeros(len(lists), bool)
    flags[find_misfiled(manifest, ArrayRows(features)).misfiled.index] = True
    return flags


def _cleanlab(features: NDArray[np.float32], lists: NDArray[np.int64]) -> Flags:
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.001, max_iter=200))
    probabilities = cross_val_predict(model, features, lists, cv=5, method="predict_proba")
    return np.asarray(find_label_issues(lists, probabilities, n_jobs=1))


WAYS: dict[str, Way] = {"ours": _ours, "cleanlab": _cleanlab}
