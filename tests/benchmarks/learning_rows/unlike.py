"""Pictures unlike those of training: which share of pictures is marked, by the distance that is in use and by others.

Trained on the photographs of both categories, or of one alone, and then the other animal's are unseen. `test` are
photographs that were held out: of these 1% is to be marked. The nearest neighbour ways get all training images, the
plane (of earlier Regrafts) 64 directions; both are calibrated on the validation images alone. Other pictures are drawn
animals, noise and pages of text. Who marks more photographs marks more of all others too; so `at 1%` is the share that
lies farther than 99 of a hundred of the test's photographs do. The kernel and its width were chosen on stamps, digits,
emojis and draws from 1000 on.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from photographs import Photographs
from PIL import Image, ImageDraw

from regraft.backbones.embedding import features_of
from regraft.backbones.loading import load_backbone
from regraft.heads.unlike import SIMILAR_SHARE, distance_from
from regraft.menagerie.drawing import drawing
from regraft.store.feature_rows import ArrayRows

DRAWS = 10
TRAINED_ON = {
    "tigers, cats": ((588, 126), (140, 30), (60, 15)),
    "tigers": ((293, 63), (293, 30), (140, 30)),
    "cats": ((293, 63), (293, 30), (140, 30)),
}
"""Training and validation images."""
ANIMALS = {"tigers": "tiger", "cats": "cat"}
COUNT = 60
"""Pictures of each other kind."""
DIRECTIONS = 64
Features = NDArray[np.float32]
Distance = Callable[[Features], NDArray[np.float64]]
Way = Callable[[Features, Features], tuple[Distance, float]]
"""From features of training and validation images to how far pictures lie, and the largest distance of similar ones."""


def lines(pictures: Photographs, draws: int) -> Iterator[str]:
    others = _others()
    kinds = ("other", *others)
    yield f"{'trained on':14}{'train':>6}{'validation':>11} {'':20}{'test':>8}" + "".join(
        f"{name:>10}{'at 1%':>8}" for name in kinds
    )
    for trained_on, sizes in TRAINED_ON.items():
        is_seen = np.isin(pictures.category, [ANIMALS[name] for name in trained_on.split(", ")]) & ~pictures.is_misfiled
        other = pictures.features[~is_seen & ~pictures.is_misfiled]
        unseen = ({"other": other} if len(other) else {}) | others
        for train, validation in sizes:
            for name, way in WAYS.items():
                shares = [_shares(pictures.features[is_seen], train, validation, s, way, unseen) for s in range(draws)]
                test, *rest = np.mean(shares, axis=0)
                cells = [f"{marked:10.1%}{at_1:8.1%}" for marked, at_1 in zip(rest[::2], rest[1::2], strict=True)]
                blank = " " * 18 * (len(kinds) - len(unseen))
                yield f"{trained_on:14}{train:6}{validation:11} {name:20}{test:8.1%}{blank}" + "".join(cells)


def _shares(
    features: Features, train: int, validation: int, seed: int, way: Way, unseen: dict[str, Features]
) -> list[float]:
    """The share of the test's photographs that is marked; of each kind of others that share, and that at 1%."""
    order = np.random.default_rng(seed).permutation(len(features))
    distance, most = way(features[order[:train]], features[order[train : train + validation]])
    test = distance(features[order[train + validation :]])
    limits = (most, float(np.quantile(test, SIMILAR_SHARE)))
    far = [distance(part) for part in unseen.values()]
    return [float((test > most).mean()), *(float((each > limit).mean()) for each in far for limit in limits)]


def _others() -> dict[str, Features]:
    random, backbone = np.random.default_rng(0), load_backbone("efficientnet-lite0")
    animals = [np.asarray(drawing(animal, f"{i}")) for animal in ("tiger", "cat") for i in range(COUNT // 2)]
    noise = [random.integers(0, 256, (240, 240, 3), dtype=np.uint8) for _ in range(COUNT)]
    kinds = {"drawings": animals, "noise": noise, "text": [_page(random) for _ in range(COUNT)]}
    return {name: features_of(pictures, backbone) for name, pictures in kinds.items()}


def _page(random: np.random.Generator) -> NDArray[np.uint8]:
    """A picture of some lines of random letters."""
    page = Image.new("RGB", (320, 260), tuple(int(grey) for grey in random.integers(180, 256, 3)))
    draw = ImageDraw.Draw(page)
    for row in range(int(random.integers(3, 16))):
        letters = "".join(chr(int(code)) for code in random.integers(97, 123, int(random.integers(5, 40))))
        draw.text((int(random.integers(0, 80)), 10 + 16 * row), letters, fill=(20, 20, 20))
    return np.asarray(page)


def _ours(train: Features, validation: Features) -> tuple[Distance, float]:
    rows = np.arange(len(train) + len(validation))
    both = ArrayRows(np.concatenate([train, validation]))
    return distance_from(both, rows[: len(train)], rows[len(train) :])


def _by_validation(distance: Distance, validation: Features) -> tuple[Distance, float]:
    return distance, float(np.quantile(distance(validation), SIMILAR_SHARE))


def _neighbours(train: Features, validation: Features) -> tuple[Distance, float]:
    def unit(features: Features) -> Features:
        return features / np.linalg.norm(features, axis=1, keepdims=True)

    references = unit(train)
    return _by_validation(lambda x: 1 - np.partition(unit(x) @ references.T, -5, axis=1)[:, -5], validation)


def _plane(train: Features, validation: Features) -> tuple[Distance, float]:
    centre = train.mean(axis=0)
    plane = np.linalg.svd(train - centre, full_matrices=False)[2][: min(DIRECTIONS, len(train) // 2)]

    def distance(features: Features) -> NDArray[np.float64]:
        centred = features - centre
        rest = centred - centred @ plane.T @ plane
        return np.asarray(np.linalg.norm(rest, axis=1) / np.linalg.norm(centred, axis=1), np.float64)

    return _by_validation(distance, validation)


WAYS: dict[str, Way] = {"ours": _ours, "5th nearest of all": _neighbours, "plane": _plane}
