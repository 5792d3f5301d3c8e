"""Networks of keras.applications with weights from a local file."""

from pathlib import Path

import keras
import numpy as np
import pytest

from regraft.backbones import applications
from regraft.errors import BackboneError, CheckpointError

pytestmark = pytest.mark.tensorflow


def test_a_keras_archive_is_no_weights_file(tmp_path: Path) -> None:
    (tmp_path / "w.keras").write_bytes(b"PK\x03\x04")
    with pytest.raises(CheckpointError, match="HDF5"):
        applications.load("MobileNetV2", str(tmp_path / "w.keras"))


def test_a_network_that_is_not_known_is_refused_with_the_names_of_those_that_are() -> None:
    with pytest.raises(BackboneError, match=r"no backbone 'MobileNetV9'.*efficientnet-lite0, vgg16.*MobileNetV2"):
        applications.load("MobileNetV9")


def test_weights_of_a_keras_network_are_read_and_those_of_another_refused(tmp_path: Path) -> None:
    network = keras.applications.MobileNetV2(include_top=False, weights=None, pooling="avg")
    network.save_weights(tmp_path / "mobile.weights.h5")
    backbone = applications.load("MobileNetV2", str(tmp_path / "mobile.weights.h5"))
    pixels = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)
    expected = network.predict(pixels.astype(np.float32) / 127.5 - 1, verbose=0)
    np.testing.assert_allclose(backbone.features(pixels), expected, rtol=1e-2, atol=1e-4)
    with pytest.raises(CheckpointError, match="does not fit"):
        applications.load("MobileNet", str(tmp_path / "mobile.weights.h5"))
