"""A head computed in NumPy answers as Keras does, and leaves to Keras what it does not know."""

import keras
import numpy as np
import pytest

from regraft.config import HeadSettings
from regraft.heads.head import Head
from regraft.heads.numpy_head import numpy_head
from regraft.targets.lengths import Lengths
from regraft.targets.target import Target
from tests.heads.synthetic import WIDTH, every_kind_of_head, tigers_and_cats, trained_head

pytestmark = pytest.mark.tensorflow


@every_kind_of_head
def test_it_answers_as_keras_does(target: Target, settings: HeadSettings) -> None:
    manifest, features = tigers_and_cats()
    head = trained_head(manifest, features, target, settings, 0)
    light = numpy_head(head.to_bytes(), target)
    assert light is not None
    np.testing.assert_allclose(light.predict(features), head.predict(features), rtol=1e-5, atol=1e-5)
    likeliest, of_keras = light.likeliest_categories(features), head.likeliest_categories(features)
    assert (likeliest is None, of_keras is None) == (settings.preset == "tutorial",) * 2
    np.testing.assert_array_equal(likeliest, of_keras)


@pytest.mark.parametrize("max_references", [0, 10**9])
def test_it_answers_real_lengths_as_keras_does(max_references: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the ridge of many images, and by similarities to the images of few."""
    monkeypatch.setattr("regraft.heads.within_category.MAX_REFERENCE_NUMBERS", max_references)
    manifest, features = tigers_and_cats()
    manifest["label"] = 50 + 20 * features[:, 1] + 10 * features[:, 2] ** 2
    head = trained_head(manifest, features, Lengths(), HeadSettings(epochs=3), 0)
    assert ("similarity" in {layer.name for layer in head.model.layers}) == bool(max_references)
    light, again = numpy_head(head.to_bytes(), Lengths()), Head.from_bytes(head.to_bytes(), Lengths())
    assert light is not None
    assert np.corrcoef(head.predict(features), manifest["label"])[0, 1] > 0.7
    np.testing.assert_allclose(light.predict(features), head.predict(features), rtol=1e-4, atol=1e-3)
    assert again.predict(features).tobytes() == head.predict(features).tobytes()


def network(*layers: keras.layers.Layer) -> keras.Model:
    return keras.Sequential([keras.Input((WIDTH,)), *layers, keras.layers.Dense(1)])


def test_a_ridge_beside_the_categories_is_added() -> None:
    features = keras.Input((WIDTH,), name="features")
    x = keras.layers.Normalization(mean=np.arange(WIDTH), variance=np.full(WIDTH, 0.5))(features)
    length = keras.layers.Dense(1, use_bias=False)(keras.layers.Dense(3, "softmax")(x))
    head = Head(keras.Model(features, keras.layers.Add()([length, keras.layers.Dense(1)(x)])), Lengths())
    light = numpy_head(head.to_bytes(), Lengths())
    assert light is not None
    _, rows = tigers_and_cats()
    np.testing.assert_allclose(light.predict(rows), head.predict(rows), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("layer", [keras.layers.Dropout(0.5), keras.layers.Dense(4, "gelu")])
def test_what_it_does_not_know_is_left_to_keras(layer: keras.layers.Layer) -> None:
    assert numpy_head(Head(network(layer), Lengths()).to_bytes(), Lengths()) is None


@pytest.mark.parametrize("data", [b"", b"PK", b"\x80\x04cos\nsystem\n"])
def test_damaged_bytes_are_left_to_keras_which_says_what_is_wrong(data: bytes) -> None:
    assert numpy_head(data, Lengths()) is None
