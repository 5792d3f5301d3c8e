"""VGG16 with weights in the tutorial's format, against plain NumPy."""

import pickletools
from pathlib import Path

import numpy as np
import pytest

from regraft.backbones import vgg16
from regraft.errors import CheckpointError
from tests.backbones.checkpoints.weights_files import npy_bytes

pytestmark = pytest.mark.tensorflow

STAGES = [(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)]


def vgg_layers(seed: int = 0) -> dict[str, list[np.ndarray]]:
    """Small weights for every convolution of VGG16, and a fully connected layer that is to be ignored."""
    draw, layers, inputs = np.random.default_rng(seed), {}, 3
    for stage, (count, channels) in enumerate(STAGES, 1):
        for i in range(1, count + 1):
            kernel = draw.normal(0, 1 / np.sqrt(9 * inputs), (3, 3, inputs, channels)).astype(np.float32)
            layers[f"conv{stage}_{i}"] = [kernel, draw.normal(0, 0.1, channels).astype(np.float32)]
            inputs = channels
    return layers | {"fc8": [np.zeros((4, 2), np.float32), np.zeros(2, np.float32)]}


def convolved(x: np.ndarray, layers: dict[str, list[np.ndarray]]) -> np.ndarray:
    """VGG16's convolutions in plain NumPy, on one picture (H, W, 3) RGB: nine shifted products a layer."""
    x = x[:, :, ::-1].astype(np.float32) - np.array([103.939, 116.779, 123.68], np.float32)
    for stage, (count, _) in enumerate(STAGES, 1):
        for i in range(1, count + 1):
            kernel, bias = layers[f"conv{stage}_{i}"]
            height, width = x.shape[:2]
            padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
            shifts = ((a, b) for a in range(3) for b in range(3))
            x = sum(padded[a : a + height, b : b + width] @ kernel[a, b] for a, b in shifts) + bias
            x = np.maximum(x, 0)
        height, width, channels = x.shape
        x = x.reshape(height // 2, 2, width // 2, 2, channels).max(axis=(1, 3))
    return x


def test_vgg16_npy_gives_the_features_that_plain_numpy_gives(tmp_path: Path) -> None:
    layers, path = vgg_layers(), tmp_path / "vgg16.npy"
    path.write_bytes(npy_bytes(layers))
    names = {
        arg
        for op, arg, _ in pickletools.genops(path.read_bytes()[path.read_bytes().index(b"\x80\x02") :])
        if op.name == "GLOBAL"
    }
    assert names == {"numpy.core.multiarray _reconstruct", "numpy ndarray", "numpy dtype"}
    picture = np.random.default_rng(1).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    backbone = vgg16.load(str(path))
    ours, expected = backbone.features(picture[None])[0], convolved(picture, layers).reshape(-1)
    print(f"largest difference {np.abs(ours - expected).max():.1e} of {expected.max():.2f}")
    assert len(ours) == len(expected) == 25_088
    np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=1e-4 * float(expected.max()))


def test_weights_of_another_network_are_refused_by_the_layers_name(tmp_path: Path) -> None:
    layers = vgg_layers()
    layers["conv3_2"][0] = layers["conv3_2"][0][:1]
    (tmp_path / "wrong.npy").write_bytes(npy_bytes(layers))
    with pytest.raises(CheckpointError, match="conv3_2"):
        vgg16.load(str(tmp_path / "wrong.npy"))
    del layers["conv3_2"]
    (tmp_path / "less.npy").write_bytes(npy_bytes(layers))
    with pytest.raises(CheckpointError, match="conv3_2"):
        vgg16.load(str(tmp_path / "less.npy"))
