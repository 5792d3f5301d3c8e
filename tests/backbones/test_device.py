"""What is computed on. Where these tests run there is no GPU, so one is pretended where nothing else will do."""

import numpy as np
import pytest
import tensorflow as tf

from regraft.backbones import device
from regraft.backbones.backbone import Backbone
from regraft.backbones.inference import graph_forward, litert_model
from regraft.errors import ConfigError
from tests.backbones.test_efficientnet_lite0 import patterns

pytestmark = pytest.mark.tensorflow

NO_GPU = pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="there is a GPU here")


def mixed() -> bool:
    return bool(tf.config.optimizer.get_experimental_options().get("auto_mixed_precision", False))


@pytest.fixture
def pretended_gpu(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """What TensorFlow reports of a GPU that is not there."""
    details: dict[str, object] = {"device_name": "NVIDIA T4", "compute_capability": (7, 5)}
    monkeypatch.setattr(device, "on_gpu", lambda: True)
    monkeypatch.setattr(device, "_gpu_details", lambda: details)
    return details


@NO_GPU
def test_without_a_gpu_auto_is_the_cpu_in_float32() -> None:
    device.use("auto")
    assert (device.on_gpu(), device.description(), device.precision(), mixed()) == (False, "CPU", "float32", False)


@NO_GPU
def test_a_gpu_that_is_not_there_is_missed() -> None:
    with pytest.raises(ConfigError, match=r"sees no GPU here.*regraft\[gpu\]"):
        device.use("gpu")


def test_mixed_precision_is_for_gpus_that_gain_by_it(pretended_gpu: dict[str, object]) -> None:
    assert device.description() == "NVIDIA T4, mixed_float16"
    pretended_gpu["compute_capability"] = (6, 1)
    assert device.description() == "NVIDIA T4, float32"


@pytest.mark.usefixtures("pretended_gpu")
def test_training_is_in_single_precision_whatever_features_are_computed_in() -> None:
    try:
        device.use("auto")
        assert mixed()
        with device.single_precision():
            assert not mixed()
        assert mixed()
    finally:
        device._set_mixed_precision(False)


@pytest.mark.usefixtures("pretended_gpu")
def test_on_a_gpu_tensorflows_graph_gives_the_same_features(lite0: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regraft.backbones.inference.converted", lambda graph: pytest.fail("LiteRT has no GPU here"))
    assert litert_model(lite0.model, lite0.side) is None
    on_gpu = graph_forward(lite0.model, lite0.side)
    on_cpu = np.asarray(lite0.model(tf.cast(patterns(), tf.float32), training=False))
    np.testing.assert_allclose(on_gpu(patterns()), on_cpu, atol=1e-4)
