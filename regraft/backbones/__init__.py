"""Backbones: frozen, pretrained networks that turn pictures into features. One file each, one interface."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from regraft.errors import BackboneError
from regraft.images import Pixels


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
        return np.asarray(self._forward(squares), dtype=np.float32)

    @cached_property
    def _forward(self) -> Any:
        """The network as one graph for any number of pictures: traced once, in inference mode."""
        import tensorflow as tf

        def forward(squares: Any) -> Any:
            return self.model(tf.cast(squares, tf.float32), training=False)

        return tf.function(forward, input_signature=[tf.TensorSpec((None, self.side, self.side, 3), tf.uint8)])


def load(name: str, weights: str | None = None) -> Backbone:
    """Return a backbone by its name in the config. Raises BackboneError where name or weights cannot be had."""
    if name == "efficientnet-lite0":
        from regraft.backbones import efficientnet_lite0

        return efficientnet_lite0.load(weights)
    if name == "vgg16":
        from regraft.backbones import vgg16

        return vgg16.load(weights)
    from regraft.backbones import applications

    return applications.load(name, weights)
