"""Pictures unlike those of training: which share of pictures is marked, by the distance that is in use and by others.

Trained on the photographs of both categories. `test` are photographs that were held out: of these 1% is to be marked.
The nearest neighbour ways get all training images, the plane (of earlier Regrafts) 64 directions; both are calibrated
on the validation images alone. Other pictures are drawn animals, noise and pages of text. Who marks more photographs
marks more drawings too; so `at 1%` is the share of drawings that lie farther than 99 of a hundred of the test's
photographs do. The number of neighbours was taken from the literature, and nothing was chosen on these photographs.
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
SIZES = ((588, 126), (140, 30), (60, 15))
"""Training and validation images."""
COUNT = 60
"""Pictures of each other kind."""
DIRECTIONS = 64
Features = NDArray[np.float32]
Distance = Callable[[Features], NDArray[np.float64]]
Way = Callable[[Features, Features], tuple[Distance, float]]
"""From features of training and validation images to how far pictures lie, and the largest distance of similar ones."""


def lines(pictures: Photographs, draws: int) -> Iterator[str]:
    others = _others()
    yield f"{'train':>6}{'validation':>11} {'':28}" + "".join(f"{name:>10}" for name in ("test", *others, "at 1%"))
    for size, validation in SIZES:
        for name, way in WAYS.items():
            seeds = range(draws)
            shares = np.mean([_shares(pictures.features, size, validation, s, way, others) for s in seeds], axis=0)
            yield f"{size:6}{validation:11} {name:28}" + "".join(f"{share:10.1%}" for share in shares)


def _shares(
    features: Features, size: int, validation: int, seed: int, way: Way, others: dict[str, Features]
) -> list[float]:
    order = np.random.default_rng(seed).permutation(len(features))
    distance, most = way(features[order[:size]], features[order[size : size + validation]])
    far = {name: distance(part) for name, part in others.items()}
    test = distance(features[order[size + validation :]])
    shares = [float((distances > most).mean()) for distances in (test, *far.values())]
    return [*shares, float((far["drawings"] > np.quantile(test, SIMILAR_SHARE)).mean())]


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
