"""Pictures are embedded while links are still waited for, once each, by a backbone that is loaded only if need be."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from regraft import menagerie
from regraft.backbones.backbone import Backbone
from regraft.backbones.litert import kept_backbone
from regraft.backbones.weights import RANDOM, frozen_fingerprint
from regraft.errors import BackboneError
from regraft.identity import Digest
from regraft.menagerie.drawing import drawing, encoded
from regraft.pictures.pixels import Pixels
from regraft.pipeline.bench import Bench
from regraft.pipeline.early_embedding import EarlyEmbedding
from regraft.pipeline.run import open_run
from regraft.store.store import Store
from tests.processes import until

FINGERPRINT = "colours-none-crop16"


class Colours:
    """A backbone whose features are a square's mean colours; it needs no TensorFlow."""

    fingerprint, side = FINGERPRINT, 16

    def prepare(self, pixels: Pixels) -> Pixels:
        return pixels[:16, :16]

    def features(self, squares: Pixels) -> Any:
        return squares.mean(axis=(1, 2), dtype=np.float32)


def colours() -> Backbone:
    return cast(Backbone, Colours())


def no_backbone() -> Backbone:
    raise BackboneError("its weights are gone")


def drawn(store: Store, count: int) -> list[Digest]:
    return [store.blobs.put(encoded(drawing("cat", f"early-{number}"), "PNG")) for number in range(count)]


def known(store: Store, digests: list[Digest]) -> set[Digest]:
    return set(store.features.read(FINGERPRINT, digests))


def test_pictures_are_embedded_as_soon_as_they_are_there(store: Store) -> None:
    digests = drawn(store, 3)
    early = EarlyEmbedding(colours, FINGERPRINT, store, 2)
    early.start()
    for digest in [*digests, digests[0]]:
        early.put(digest)
    until("all are embedded, though links are still waited for", lambda: known(store, digests) == set(digests), 30)
    early.stop()
    assert early.computed == set(digests)


def test_what_the_store_has_costs_no_backbone(store: Store) -> None:
    digests = drawn(store, 2)
    store.features.append(FINGERPRINT, digests, np.ones((2, 3), np.float32))
    early = EarlyEmbedding(no_backbone, FINGERPRINT, store, 2)
    early.start()
    early.put(digests[0])
    early.put(digests[1])
    early.stop()
    assert early.computed == set()


def test_where_it_goes_wrong_the_run_goes_on(store: Store) -> None:
    early = EarlyEmbedding(no_backbone, FINGERPRINT, store, 2)
    early.start()
    for digest in drawn(store, 1):
        early.put(digest)
    early.stop()
    early.stop()
    assert early.computed == set()


@pytest.mark.tensorflow
def test_a_backbone_that_the_store_keeps_embeds_at_once(
    lite0: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regraft.backbones.loading.load_backbone", no_backbone)
    squares = np.random.default_rng(0).integers(0, 256, (3, 224, 224, 3), np.uint8)
    with open_run(menagerie.CONFIG.model_copy(update={"store": str(tmp_path / "store")})) as spec:
        bench = Bench.of(spec)
        assert lite0.litert is not None
        bench.store.networks.put(lite0.fingerprint, lite0.litert)
        assert bench.embedder.fingerprint == lite0.fingerprint
        np.testing.assert_allclose(bench.embedder.features(squares), lite0.features(squares), atol=1e-4)


def test_a_backbone_that_cannot_be_run_is_made_anew() -> None:
    assert kept_backbone(FINGERPRINT, 224, b"no network at all") is None
    assert kept_backbone(FINGERPRINT, 224, None) is None


@pytest.mark.tensorflow
def test_the_fingerprint_of_a_backbone_is_known_before_it_is_loaded(lite0: Backbone) -> None:
    from regraft.backbones.loading import load_backbone

    assert frozen_fingerprint("efficientnet-lite0", None) == lite0.fingerprint
    assert frozen_fingerprint("MobileNetV2", RANDOM) == load_backbone("MobileNetV2", RANDOM).fingerprint
