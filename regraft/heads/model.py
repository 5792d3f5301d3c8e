"""A model in use: the backbone with its weights, the head, and how sure its predictions are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from regraft.backbones import device
from regraft.backbones.backbone import Backbone, Features
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
    """Features of the store's images, by a backbone that is loaded only where the store lacks some."""

    settings: BackboneSettings
    fingerprint: str
    """Of the backbone, fine-tuned weights included."""
    tuned: bytes | None = None
    """backbone.npz, the weights of its fine-tuned version; None where it was not fine-tuned."""

    def backbone(self) -> Backbone:
        """Return the backbone. Raises VersionError where the weights here are not those that it was trained with."""
        backbone = load_backbone(self.settings.name, self.settings.weights)
        if self.tuned is not None:
            backbone = with_weights(backbone, self.tuned)
        if backbone.fingerprint != self.fingerprint:
            raise VersionError(
                f"The model was trained on the backbone {self.fingerprint}, but the one here is "
                f"{backbone.fingerprint}, so its predictions would mean nothing. Install the weights that it was "
                "trained on, or run again."
            )
        return backbone

    def features(self, digests: Sequence[Digest], store: Store) -> Features:
        """Return the features, (N, D) float32, of images of the store; those that it lacks are computed and stored."""
        try:
            return lookup(digests, self.fingerprint, store)
        except KeyError:
            embed(digests, self.backbone(), store, self.settings.batch, progress=lambda _: None)
            return lookup(digests, self.fingerprint, store)


@dataclass(frozen=True)
class Model:
    """A version's model, from pictures of any size to answers."""

    backbone: Backbone
    head: Head
    certainty: Certainty | None
    """None for versions that were published before Regraft measured it."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of `predict`."""
        return (*self.head.target.columns, "unlike")

    def answers(self, pictures: Sequence[Pixels]) -> Answers:
        """Return the head's answers to pictures: (N,) lengths in cm, or (N, C) probabilities."""
        return self.head.predict(features_of(pictures, self.backbone))

    def predict(self, pictures: Sequence[Pixels]) -> pd.DataFrame:
        """Return one row a picture: the columns of `Target.table`, and `unlike`: whether it is unlike training's.

        `pictures`: (H, W, 3) uint8 RGB each, of any size.
        """
        features = features_of(pictures, self.backbone)
        answers = self.head.predict(features)
        if self.certainty is None:
            return self.head.target.table(answers, None).assign(unlike=np.zeros(len(answers), dtype=bool))
        table = self.head.target.table(answers, self.certainty.calibration)
        return table.assign(unlike=self.certainty.is_unlike_training(features))


def extractor_of(version: Version) -> Extractor:
    """Return what a version's features are computed by."""
    record = version.run
    tuned = version.read("backbone.npz") if version.has("backbone.npz") else None
    return Extractor(record.config.backbone, record.backbone_fingerprint, tuned)


def head_of(version: Version) -> Head:
    """Return a version's head. Raises VersionError where it cannot be read."""
    return Head.from_bytes(version.read("head.keras"), target_of(version.run.config))


def model_of(version: Version) -> Model:
    """Return a version's model, on the device that this machine has. Raises VersionError, BackboneError."""
    device.use("auto")
    certainty = Certainty.from_bytes(version.read("certainty.npz")) if version.has("certainty.npz") else None
    return Model(extractor_of(version).backbone(), head_of(version), certainty)
