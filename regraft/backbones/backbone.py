"""The backbone: a frozen, pretrained network that turns pictures into features."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from regraft.backbones.cropping import centre_crop
from regraft.backbones.litert import Forward, forward_of
from regraft.errors import BackboneError
from regraft.pictures.pixels import Pixels

# N images, H and W the height and width of a picture, D features
Features = NDArray[np.float32]
"""(N, D) float32."""


class Extracts(Protocol):
    """What turns pictures into features: a `Backbone`, or a `litert.LiteBackbone`."""

    @property
    def side(self) -> int:
        """Pixels of a side of the squares that the network sees."""

    def prepare(self, pixels: Pixels) -> Pixels:
        """Return a picture of any size, (H, W, 3) uint8 RGB, as the square that the network sees."""

    def features(self, squares: Pixels) -> Features:
        """Return the features, (N, D) float32, of prepared pictures, (N, side, side, 3) uint8 RGB."""


class Embeds(Extracts, Protocol):
    """What features of a store are computed by: a `Backbone`, or a `litert.LiteBackbone`."""

    @property
    def fingerprint(self) -> str:
        """Names its weights and preprocessing."""


@dataclass(frozen=True)
class Backbone:
    """A Keras model from (N, side, side, 3) floats of 0 to 255 to (N, D) features, and its preprocessing."""

    name: str
    """Its name in the config."""
    fingerprint: str
    """Names its weights and preprocessing: two backbones with the same fingerprint compute the same features."""
    side: int
    """Pixels of a side of the squares that the network sees."""
    model: Any
    """The Keras model; the rest of preprocessing, such as ImageNet's mean, is its first layers."""

    def prepare(self, pixels: Pixels) -> Pixels:
        """Return a picture of any size, (H, W, 3) uint8 RGB, as the square that the network sees.

        Nothing is lost where the picture's shorter side has been scaled down before, but not below `side`.
        """
        return centre_crop(pixels, self.side)

    def features(self, squares: Pixels) -> Features:
        """Return the features, (N, D) float32, of prepared pictures, (N, side, side, 3) uint8 RGB.

        Batch norm is in inference mode. Raises BackboneError where the pictures are not prepared.
        """
        if squares.dtype != np.uint8 or squares.shape[1:] != (self.side, self.side, 3):
            raise BackboneError(
                f"{self.name} needs pictures as (N, {self.side}, {self.side}, 3) uint8, "
                f"but got {squares.shape} {squares.dtype}."
            )
        return self._forward(squares)

    @cached_property
    def litert(self) -> bytes | None:
        """The network as a LiteRT model; None where LiteRT cannot run it."""
        from regraft.backbones.inference import litert_model

        return litert_model(self.model, self.side)

    @cached_property
    def _forward(self) -> Forward:
        """The network, compiled once for any number of pictures, as it runs fastest on this process's device."""
        from regraft.backbones import device
        from regraft.backbones.inference import graph_forward

        if device.on_gpu() or self.litert is None:
            return graph_forward(self.model, self.side)
        return forward_of(self.litert)
