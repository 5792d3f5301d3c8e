"""A model in use: the backbone with its weights, the head, and how sure its predictions are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd

from regraft.backbones.backbone import Backbone, Extracts, Features
from regraft.backbones.embedding import features_of
from regraft.backbones.extractor import Extractor
from regraft.backbones.keras_import import import_keras
from regraft.backbones.litert import LiteBackbone
from regraft.backbones.weights import SIDE
from regraft.heads.certainty import Certainty
from regraft.heads.numpy_head import numpy_head
from regraft.pictures.pixels import Pixels
from regraft.store.version import Version
from regraft.targets.choice import target_of
from regraft.targets.target import Answers, Positions, Target

if TYPE_CHECKING:
    from regraft.heads.head import Head


class Answering(Protocol):
    """What turns features into answers: a `head.Head`, or a `numpy_head.NumpyHead`."""

    @property
    def target(self) -> Target:
        """What the answers are."""

    def predict(self, features: Features) -> Answers:
        """Return lengths in cm, (N,) float64, or probabilities, (N, C) float64, of features (N, D)."""

    def likeliest_categories(self, features: Features) -> Positions | None:
        """Return which category is the likeliest, (N,), by features (N, D); None where the head does not know."""


@dataclass(frozen=True)
class Model:
    """A version's model, from pictures of any size to answers."""

    backbone: Extracts
    head: Answering
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
            return self.head.target.table(answers, None, None).assign(unlike=np.zeros(len(answers), dtype=bool))
        category = self.head.likeliest_categories(features)
        table = self.head.target.table(answers, self.certainty.calibration, category)
        return table.assign(unlike=self.certainty.is_unlike_training(features))


@dataclass(frozen=True)
class KerasModel(Model):
    """A version's model as Keras has it, so that it can be exported."""

    backbone: Backbone
    head: "Head"


def extractor_of(version: Version) -> Extractor:
    """Return what a version's features are computed by."""
    record = version.run
    tuned = version.read("backbone.npz") if version.has("backbone.npz") else None
    return Extractor(record.config.backbone, record.backbone_fingerprint, tuned)


def head_of(version: Version) -> "Head":
    """Return a version's head. Raises VersionError where it cannot be read."""
    from regraft.heads.head import Head

    return Head.from_bytes(version.read("head.keras"), target_of(version.run.config))


def model_of(version: Version) -> Model:
    """Return a version's model. Raises VersionError, BackboneError.

    TensorFlow is imported only where the store does not hold the backbone as a LiteRT model, or where the head is made
    of other layers than NumPy knows.
    """
    return _light_model(version) or keras_model_of(version)


def keras_model_of(version: Version) -> KerasModel:
    """Return a version's model as TensorFlow and Keras compute it, on the device that this machine has.

    Raises VersionError, BackboneError.
    """
    import_keras()
    from regraft.backbones import device

    device.use("auto")
    return KerasModel(extractor_of(version).backbone(), head_of(version), _certainty_of(version))


def _light_model(version: Version) -> Model | None:
    """The same model without TensorFlow; None where that cannot be had."""
    fingerprint = version.run.backbone_fingerprint
    network = version.store.networks.read(fingerprint)
    head = numpy_head(version.read("head.keras"), target_of(version.run.config))
    if network is None or head is None:
        return None
    return Model(LiteBackbone(fingerprint, SIDE, network), head, _certainty_of(version))


def _certainty_of(version: Version) -> Certainty | None:
    return Certainty.from_bytes(version.read("certainty.npz")) if version.has("certainty.npz") else None
