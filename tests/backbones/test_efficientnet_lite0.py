"""The port of efficientnet-lite0 against the original network in PyTorch.

`data/lite0.npz` holds features that the original made: of eight patterns drawn by NumPy, and of sixteen of the
photographs behind the replayed web, by their names (numbers only). Where torch and the original's package are
installed, `python -m tests.backbones.test_efficientnet_lite0` makes the file again, and a test compares with the
original itself.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regraft.backbones import efficientnet_lite0
from regraft.backbones.backbone import Backbone
from regraft.backbones.loading import load_backbone
from regraft.backbones.weights import installed_weights
from regraft.errors import BackboneError
from regraft.pictures.colours import rgb

pytestmark = pytest.mark.tensorflow

STORED = Path(__file__).parents[1] / "data" / "lite0.npz"
PHOTOS = Path(os.environ["REGRAFT_WEB"]) / "photos" if os.environ.get("REGRAFT_WEB") else None
SIDE = 224
TOLERANCE = 1e-4
"""Features reach 6; float32 and another order of sums are worth this much."""


def patterns() -> np.ndarray:
    """Eight pictures of waves, (8, 224, 224, 3) uint8, that any NumPy draws alike."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    waves = [
        [np.sin(2 * np.pi * ((i + c + 1) * x + (i * c - 3) * y)) * np.cos(9 * (x * i - y * c)) for c in range(3)]
        for i in range(8)
    ]
    return np.round(127.5 + 127 * np.array(waves)).astype(np.uint8).transpose(0, 2, 3, 1)


def photos(names: list[str], backbone: Backbone) -> np.ndarray:
    """Photographs as the backbone prepares them."""
    assert PHOTOS is not None
    return np.stack([backbone.prepare(rgb((PHOTOS / name).read_bytes())) for name in names])


def sixteen() -> list[str]:
    """The names of sixteen photographs, of both categories."""
    assert PHOTOS is not None
    return sorted(path.relative_to(PHOTOS).as_posix() for path in PHOTOS.rglob("*.jpg"))[::52][:16]


def original(squares: np.ndarray) -> Any:
    """Features of prepared pictures, (N, 1280), by the original network. Needs torch and its package."""
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=str(installed_weights())).eval()
    x = (squares.astype(np.float32) - efficientnet_lite0.MEAN) / efficientnet_lite0.STD
    with torch.no_grad():
        maps = network.extract_features(torch.tensor(x.astype(np.float32).transpose(0, 3, 1, 2)))
    return maps.mean((2, 3)).numpy()


def test_the_port_gives_the_features_that_the_original_gave(lite0: Backbone) -> None:
    with np.load(STORED) as stored:
        off = np.abs(lite0.features(patterns()) - stored["patterns"]).max()
    print(f"largest difference {off:.1e}")
    assert off < TOLERANCE


@pytest.mark.web
def test_the_port_gives_the_features_that_the_original_gave_of_photographs(lite0: Backbone) -> None:
    with np.load(STORED) as stored:
        squares = photos([str(name) for name in stored["names"]], lite0)
        off = np.abs(lite0.features(squares) - stored["photos"]).max()
    print(f"largest difference {off:.1e}")
    assert off < TOLERANCE


def test_the_port_gives_what_the_original_gives_here(lite0: Backbone) -> None:
    pytest.importorskip("torch", reason="torch is not installed; the stored features stand in for it")
    pytest.importorskip("efficientnet_lite_pytorch", reason="the original network's package is not installed")
    squares = patterns() if PHOTOS is None else photos(sixteen(), lite0)
    assert np.abs(lite0.features(squares) - original(squares)).max() < TOLERANCE


def test_pictures_of_another_size_or_kind_are_refused(lite0: Backbone) -> None:
    wrong_ones: list[Any] = [np.zeros((1, 200, 224, 3), np.uint8), np.zeros((1, 224, 224, 3), np.float32)]
    for wrong in wrong_ones:
        with pytest.raises(BackboneError, match=r"needs pictures as \(N, 224, 224, 3\) uint8"):
            lite0.features(wrong)


def test_twenty_pictures_have_the_features_that_each_has_alone(lite0: Backbone) -> None:
    pictures = np.concatenate([patterns(), patterns(), patterns()])[:20]
    alone = np.concatenate([lite0.features(picture[None]) for picture in pictures])
    np.testing.assert_allclose(lite0.features(pictures), alone, atol=1e-5)


if __name__ == "__main__":
    assert PHOTOS is not None, "set REGRAFT_WEB"
    chosen = sixteen()
    squares = photos(chosen, load_backbone(efficientnet_lite0.NAME))
    np.savez_compressed(STORED, patterns=original(patterns()), photos=original(squares), names=np.array(chosen))
