"""Backbones: frozen, pretrained networks that turn pictures into features. One file each, one interface."""

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from regraft.errors import BackboneError, CheckpointError
from regraft.identity import digest_of
from regraft.pictures.judge import Pixels

if TYPE_CHECKING:
    from regraft.backbones.engine import Forward


RANDOM = "random"
"""In place of a weights file: none, the network is to learn from scratch."""


class Backbone(Protocol):
    """N pictures in, (N, D) features out; preprocessing included."""

    @property
    def name(self) -> str:
        """The name in the config."""
        ...

    @property
    def fingerprint(self) -> str:
        """Names weights and preprocessing: features of two backbones agree if their fingerprints do."""
        ...

    @property
    def width(self) -> int:
        """D, the number of features of a picture."""
        ...

    @property
    def min_side(self) -> int:
        """Shorter side, in pixels, that a picture may be decoded at without a loss."""
        ...

    def prepare(self, pixels: Pixels) -> Pixels:
        """Return a picture of any size, (H, W, 3) uint8 RGB, as the square that the network sees."""
        ...

    def features(self, squares: Pixels) -> NDArray[np.float32]:
        """Return the features, (N, D) float32, of prepared pictures, (N, side, side, 3) uint8 RGB."""
        ...


@dataclass
class KerasBackbone:
    """A backbone that is one Keras model, from (N, side, side, 3) floats of 0 to 255 to (N, D)."""

    name: str
    fingerprint: str
    side: int
    model: Any
    square: Callable[[Pixels, int], Pixels]
    """How a picture becomes a square of `side`."""

    @property
    def width(self) -> int:
        """D, the number of features of a picture."""
        return int(self.model.output_shape[-1])

    @property
    def min_side(self) -> int:
        """Shorter side, in pixels, that a picture may be decoded at without a loss."""
        return self.side

    def prepare(self, pixels: Pixels) -> Pixels:
        """Return a picture of any size as the square that the network sees."""
        return self.square(pixels, self.side)

    def features(self, squares: Pixels) -> NDArray[np.float32]:
        """Return the features, (N, D) float32, of prepared pictures."""
        if squares.dtype != np.uint8 or squares.shape[1:] != (self.side, self.side, 3):
            raise BackboneError(
                f"{self.name} wants (N, {self.side}, {self.side}, 3) uint8, found {squares.shape} {squares.dtype}."
            )
        return self._forward(squares)

    @cached_property
    def _forward(self) -> "Forward":
        """The network made ready once, for any number of pictures, in inference mode."""
        from regraft.backbones.engine import engine

        return engine(self.model, self.side)


def weights_bytes(model: Any) -> bytes:
    """Return a network's weights as the bytes of an .npz file, the same for the same weights."""
    file = io.BytesIO()
    np.savez(file, **{f"w{i:04d}": array for i, array in enumerate(model.get_weights())})
    return file.getvalue()


def tuned_name(fingerprint: str, weights: bytes) -> str:
    """Return the fingerprint of a backbone whose weights became these."""
    return f"{fingerprint}-tuned-{digest_of(weights)[:8]}"


def retuned(backbone: KerasBackbone, weights: bytes) -> KerasBackbone:
    """Return a backbone with the weights that `weights_bytes` gave. Raises CheckpointError where they do not fit."""
    try:
        with np.load(io.BytesIO(weights), allow_pickle=False) as told:
            arrays = [told[name] for name in sorted(told.files)]
        backbone.model.set_weights(arrays)
    except Exception as error:  # zip and npy readers raise anything
        raise CheckpointError(f"backbone.npz does not fit {backbone.name}: {error}"[:300]) from error
    return replace(backbone, fingerprint=tuned_name(backbone.fingerprint, weights))


def load(name: str, weights: str | None = None) -> KerasBackbone:
    """Return a backbone by its name in the config; with weights `random` none are read.

    Raises BackboneError where name or weights cannot be had.
    """
    if name == "efficientnet-lite0":
        from regraft.backbones import efficientnet_lite0

        return efficientnet_lite0.load(weights)
    if name == "vgg16":
        from regraft.backbones import vgg16

        return vgg16.load(weights)
    from regraft.backbones import applications

    return applications.load(name, weights)
