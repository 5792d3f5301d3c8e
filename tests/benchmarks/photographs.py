"""The photographs behind the replayed web as features, which learning is measured on, and what can be learnt of them.

They are computed once and kept in a folder outside the repository, because that takes longer than all of learning does.
"""

import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regraft.pictures.colours import rgb
from regraft.pictures.pixels import Pixels

# N photographs, D features
FOLDERS = {"tiger": "tiger", "cat": "kittycat"}
"""Where photographs of each category lie."""
DECODED_SIDE = 448
MISFILED = "19662c"
"""How the digest of a photograph begins that is in the wrong list, a kitten among the tigers; a run drops it."""
MIN_ZOOM = 0.35
"""The share of the middle square's side that a zoomed photograph shows at least."""


@dataclass(frozen=True, kw_only=True)
class Photographs:
    """N photographs, in the order of their digests."""

    digest: NDArray[np.str_]
    """(N,)"""
    category: NDArray[np.str_]
    """(N,)"""
    features: NDArray[np.float32]
    """(N, D) of the whole photographs."""
    zoomed: NDArray[np.float32]
    """(N, D) of photographs of which only a part in the middle is shown."""
    zoom: NDArray[np.float64]
    """(N,) the share of the side that is shown of these."""
    brightness: NDArray[np.float64]
    """(N,) mean grey value, 0 to 255."""
    saturation: NDArray[np.float64]
    """(N,) mean saturation, 0 to 1."""

    @property
    def is_misfiled(self) -> NDArray[np.bool_]:
        """Which photographs are in the wrong list, (N,)."""
        return np.char.startswith(self.digest, MISFILED)


def photographs(cache: Path, backbone_name: str = "efficientnet-lite0") -> Photographs:
    """Return the photographs of the folder that REGRAFT_WEB names; `cache` is the folder that features are kept in."""
    web = os.environ.get("REGRAFT_WEB")
    if not web:
        sys.exit("Set REGRAFT_WEB to the folder with the replayed web: this is measured on its photographs.")
    path = cache / f"photographs-{backbone_name}.npz"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(path, **_computed(Path(web) / "photos", backbone_name))
    with np.load(path, allow_pickle=False) as arrays:
        return Photographs(**arrays)


def _computed(folder: Path, backbone_name: str) -> dict[str, Any]:
    """The arrays of the photographs in a folder."""
    from regraft.backbones.embedding import features_of
    from regraft.backbones.loading import load_backbone

    backbone = load_backbone(backbone_name)
    paths = [(path, category) for category, name in FOLDERS.items() for path in sorted((folder / name).glob("*.jpg"))]
    by_digest = {hashlib.sha256(path.read_bytes()).hexdigest(): (path, category) for path, category in paths}
    digests = sorted(by_digest)
    zoom = np.random.default_rng(0).uniform(MIN_ZOOM, 1, len(digests))
    rows: list[list[Any]] = []
    for digest, share in zip(digests, zoom, strict=True):
        path, category = by_digest[digest]
        picture = rgb(path.read_bytes(), DECODED_SIDE)
        whole, part = features_of([picture, _middle(picture, share)], backbone)
        rows.append([digest, category, whole, part, share, picture.mean(), _saturation(picture)])
    names = ("digest", "category", "features", "zoomed", "zoom", "brightness", "saturation")
    return {name: np.array(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


def _middle(picture: Pixels, share: float) -> Pixels:
    """The square in the middle, of this share of the shorter side."""
    height, width = picture.shape[:2]
    side = max(1, int(share * min(height, width)))
    top, left = (height - side) // 2, (width - side) // 2
    return picture[top : top + side, left : left + side]


def _saturation(picture: Pixels) -> float:
    """Mean saturation, as of HSV: https://en.wikipedia.org/wiki/HSL_and_HSV."""
    most, least = picture.max(axis=2).astype(np.float64), picture.min(axis=2)
    return float(((most - least) / np.maximum(most, 1)).mean())
