"""A model in use: the backbone with its weights, the head, and how sure its predictions are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from regraft.backbones import device
from regraft.backbones.backbone import Backbone
from regraft.backbones.embedding import features_of
from regraft.backbones.extractor import Extractor
from regraft.heads.certainty import Certainty
from regraft.heads.head import Head
from regraft.pictures.colours import Pixels
from regraft.store.versions import Version
from regraft.targets.choice import target_of
from regraft.targets.target import Answers


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
