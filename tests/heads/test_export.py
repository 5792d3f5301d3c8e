"""An exported model answers as the version's does; else it is not put where it was wanted."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pytest

from regraft.backbones.backbone import Backbone
from regraft.errors import VersionError
from regraft.heads.export import Format, export
from regraft.heads.head import Head
from regraft.heads.model import KerasModel
from regraft.pictures.pixels import Pixels
from regraft.targets.lengths import Lengths
from regraft.targets.target import Answers
from tests.disks import files_limited_to

pytestmark = pytest.mark.tensorflow

SIDE = 16
PICTURES = [np.random.default_rng(0).integers(0, 256, (height, 40, 3), np.uint8) for height in (16, 40, 90)]


@dataclass(frozen=True)
class OffModel(KerasModel):
    """A model that answers otherwise than what it is made of."""

    off_cm: float = 0.0

    def answers(self, pictures: Sequence[Pixels]) -> Answers:
        return super().answers(pictures) + self.off_cm


def model(off_cm: float) -> KerasModel:
    """A model whose features are a square's mean colours, and whose lengths are a few times their sum."""
    pixels, features = keras.Input((SIDE, SIDE, 3)), keras.Input((3,))
    backbone = keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(pixels))
    head = keras.Model(features, keras.layers.Dense(1, kernel_initializer=keras.initializers.Constant(0.2))(features))
    return OffModel(Backbone("colours", "colours-none-crop16", SIDE, backbone), Head(head, Lengths()), None, off_cm)


@pytest.mark.parametrize("to", ["saved_model", "onnx", "litert"])
def test_an_exported_model_answers_as_the_versions_does(to: Format, tmp_path: Path) -> None:
    assert export(model(0.0), to, tmp_path / "model", PICTURES) < 0.01
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("off_cm", [-1.1, np.nan])
def test_an_exported_model_that_answers_otherwise_is_not_put_in_its_place(off_cm: float, tmp_path: Path) -> None:
    with pytest.raises(VersionError, match=r"answers differ from the version's by up to .*, more than 1; it was left"):
        export(model(off_cm), "litert", tmp_path / "model", PICTURES)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("to", ["saved_model", "onnx", "litert"])
def test_a_model_for_which_there_is_no_room_leaves_nothing_behind(to: Format, tmp_path: Path) -> None:
    with files_limited_to(100), pytest.raises(VersionError, match=r"model cannot be written: [^;]*too large.*--out"):
        export(model(0.0), to, tmp_path / "model", PICTURES)
    assert list(tmp_path.iterdir()) == []
