"""A model as it is used: the backbone with its weights, the head, and how sure its predictions are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.backbones import device
from regraft.backbones.backbone import Backbone
from regraft.backbones.embedding import embed, features_of, lookup
from regraft.backbones.loading import load_backbone
from regraft.backbones.tuned_weights import with_weights
from regraft.config import BackboneSettings
from regraft.errors import VersionError
from regraft.heads.certainty import Certainty
from regraft.heads.head import Head
from regraft.identity import Digest
from regraft.pictures.colours import Pixels
from regraft.store.store import Store
from regraft.store.versions import Version
from regraft.targets.choice import target_of
from regraft.targets.target import Answers


@dataclass(frozen=True)
class Extractor:
    """A backbone that is loaded only when features are wanted that the store does not have."""

    settings: BackboneSettings
    fingerprint: str
    tuned: bytes | None = None
    """The weights of its fine-tuned version, as backbone.npz holds them."""

    def backbone(self) -> Backbone:
        """Return the backbone. Raises VersionError where the weights here are not those that it was trained with."""
        loaded = load_backbone(self.settings.name, self.settings.weights)
        if self.tuned is not None:
            loaded = with_weights(loaded, self.tuned)
        if loaded.fingerprint != self.fingerprint:
            raise VersionError(
                f"It was trained on {self.fingerprint}, but the backbone here is {loaded.fingerprint}; predictions "
                "would mean nothing. Install the weights that it was trained on, or run again."
            )
        return loaded

    def features(self, digests: Sequence[Digest], store: Store) -> NDArray[np.float32]:
        """Return the features, (N, D) float32, of images of the store; those that it lacks are computed."""
        try:
            return lookup(digests, self.fingerprint, store)
        except KeyError:
            embed(digests, self.backbone(), store, self.settings.batch, lambda _: None)
            return lookup(digests, self.fingerprint, store)


@dataclass(frozen=True)
class Model:
    """A version's model, from pictures of any size to lengths in cm, or to categories."""

    backbone: Backbone
    head: Head
    certainty: Certainty | None
    """None for versions that were published before Regraft said how sure it is."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of `predict`."""
        return (*self.head.target.columns, "unlike")

    def answers(self, pictures: Sequence[Pixels]) -> Answers:
        """Return what the head says of pictures: (N,) lengths in cm, or (N, C) probabilities."""
        return self.head.predict(features_of(pictures, self.backbone))

    def predict(self, pictures: Sequence[Pixels]) -> pd.DataFrame:
        """Return one row a picture, see `Target.table`, and `unlike`: that it is unlike anything in training."""
        features = features_of(pictures, self.backbone)
        answers = self.head.predict(features)
        unlike = self.certainty.unlike(features) if self.certainty else np.zeros(len(answers), dtype=bool)
        calibration = self.certainty.calibration if self.certainty else None
        return self.head.target.table(answers, calibration).assign(unlike=unlike)


def extractor_of(version: Version) -> Extractor:
    """Return what makes a version's features."""
    run = version.run
    tuned = version.read("backbone.npz") if version.has("backbone.npz") else None
    return Extractor(run.config.backbone, run.backbone_fingerprint, tuned)


def head_of(version: Version) -> Head:
    """Return a version's head. Raises VersionError where it cannot be read."""
    return Head.from_bytes(version.read("head.keras"), target_of(version.run.config))


def model_of(version: Version) -> Model:
    """Return a version's model, on the device that this machine has. Raises VersionError, BackboneError."""
    device.use("auto")
    sure = Certainty.from_bytes(version.read("certainty.npz")) if version.has("certainty.npz") else None
    return Model(extractor_of(version).backbone(), head_of(version), sure)
