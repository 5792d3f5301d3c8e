"""What is computed on. Where these tests run there is no GPU, so one is pretended where nothing else will do."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from regraft.backbones import device
from regraft.backbones.backbone import Backbone
from regraft.errors import ConfigError
from tests.backbones.test_efficientnet_lite0 import patterns

pytestmark = pytest.mark.tensorflow

NO_GPU = pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="there is a GPU here")
A_GPU = tf.config.PhysicalDevice("/physical_device:GPU:0", "GPU")


@NO_GPU
def test_without_a_gpu_auto_is_the_cpu() -> None:
    device.use("auto")
    assert (device.on_gpu(), device.description()) == (False, "CPU")


@NO_GPU
def test_a_gpu_that_is_not_there_is_missed() -> None:
    with pytest.raises(ConfigError, match=r"sees no GPU here.*regraft\[gpu\]"):
        device.use("gpu")


def test_a_gpu_has_its_name_and_its_memory_is_taken_as_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    growing = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [A_GPU])
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: [A_GPU])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: {"device_name": "NVIDIA T4"})
    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", lambda gpu, grows: growing.append((gpu, grows)))
    device.use("auto")
    assert (device.on_gpu(), device.description()) == (True, "NVIDIA T4")
    assert growing == [(A_GPU, True)]


def test_a_gpu_that_has_been_computed_on_is_used_further(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(gpu: object, grows: bool) -> None:
        raise RuntimeError("Physical devices cannot be modified after being initialized")

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [A_GPU])
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: [A_GPU])
    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", refuses)
    device.use("gpu")


def test_a_gpu_computes_in_float32_as_the_cpu_does() -> None:
    assert not tf.config.experimental.tensor_float_32_execution_enabled()


def test_on_a_gpu_tensorflows_graph_gives_the_same_features(lite0: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "on_gpu", lambda: True)
    monkeypatch.setattr("regraft.backbones.backbone.forward_of", lambda model: pytest.fail("LiteRT has no GPU"))
    on_gpu = dataclasses.replace(lite0).features(patterns())
    on_cpu = np.asarray(lite0.model(tf.cast(patterns(), tf.float32), training=False))
    np.testing.assert_allclose(on_gpu, on_cpu, atol=1e-4)
