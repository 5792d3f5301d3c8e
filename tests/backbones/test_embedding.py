"""Embedding: each image's features are computed once for each backbone, and found again in the order asked for."""

import keras
import numpy as np
import pytest

from regraft.backbones import embedding
from regraft.backbones.backbone import Backbone
from regraft.backbones.embedding import embed, features_of, lookup
from regraft.backbones.extractor import Extractor
from regraft.config import BackboneSettings
from regraft.identity import Digest
from regraft.menagerie.drawing import drawing, encoded
from regraft.pictures.colours import rgb
from regraft.store.store import Store
from tests.pictures.jpegs import lossless

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def colours() -> Backbone:
    """A network whose features are a square's mean colours."""
    pixels = keras.Input((16, 16, 3))
    model = keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(pixels))
    return Backbone("colours", "colours-none-crop16", 16, model)


def drawn(store: Store, count: int) -> list[Digest]:
    return [store.blobs.put(encoded(drawing("cat", f"drawn-{number}"), "PNG")) for number in range(count)]


def test_features_are_computed_once_and_looked_up_in_any_order(
    store: Store, colours: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding, "IMAGES_PER_PART", 4)
    digests, steps = drawn(store, 7), list[int]()
    assert embed([*digests, digests[0]], colours, store, 3, steps.append) == 7
    assert sum(steps) == 8
    assert embed(digests, colours, store, 3, steps.append) == 0
    backwards = digests[::-1]
    expected = features_of([rgb(store.blobs.read(digest)) for digest in backwards], colours)
    np.testing.assert_allclose(
        lookup(backwards, colours.fingerprint, store).read(np.arange(len(backwards))), expected, atol=1e-3
    )


def test_only_new_images_are_computed(store: Store, colours: Backbone) -> None:
    digests = drawn(store, 5)
    assert embed(digests[:2], colours, store, 8, lambda _: None) == 2
    assert embed(digests, colours, store, 8, lambda _: None) == 3


def test_features_of_another_backbone_are_not_taken_for_its_own(store: Store, colours: Backbone) -> None:
    digests = drawn(store, 2)
    embed(digests, colours, store, 8, lambda _: None)
    with pytest.raises(KeyError):
        lookup(digests, "another-none-crop16", store)


def test_a_part_that_was_finished_before_the_run_was_killed_is_kept(
    store: Store, colours: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding, "IMAGES_PER_PART", 4)
    digests = drawn(store, 6)

    def killed(images: int) -> None:
        if images and store.features.read(colours.fingerprint, digests[:4]):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed(digests, colours, store, 2, killed)
    assert embed(digests, colours, store, 2, lambda _: None) == 2


def test_an_image_that_does_not_decode_costs_no_other_its_features(
    store: Store, colours: Backbone, caplog: pytest.LogCaptureFixture
) -> None:
    sound = drawn(store, 4)
    undecodable = store.blobs.put(lossless(40))
    damaged = store.blobs.put(b"what was written")
    store.disk.write(store.blobs.at(damaged).path, b"what is read")
    gone = Digest("d" * 64)
    steps = list[int]()
    assert embed([undecodable, *sound, damaged, gone], colours, store, 2, steps.append) == 4
    assert sum(steps) == 7
    assert store.features.known(colours.fingerprint, [undecodable, *sound, damaged, gone]) == set(sound)
    assert caplog.text.count("is not learnt from") == 3


def test_images_that_cannot_be_embedded_are_not_evaluated_on(store: Store, colours: Backbone) -> None:
    class Colours(Extractor):
        def backbone(self) -> Backbone:
            return colours

    extractor = Colours(BackboneSettings(), colours.fingerprint)
    sound, undecodable = drawn(store, 3), store.blobs.put(lossless(40))
    assert extractor.embedded([*sound, undecodable], store) == set(sound)
    assert extractor.embedded([], store) == set()
