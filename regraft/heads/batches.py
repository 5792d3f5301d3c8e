"""The pictures that fine-tuning learns from, in batches: decoded ahead of need, and augmented for training."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from regraft.backbones.backbone import Backbone
from regraft.identity import Digest
from regraft.pictures.colours import rgb
from regraft.pictures.pixels import Pixels
from regraft.store.blobs import Blobs

MAX_BRIGHTNESS = 25.0
"""Grey values, of 255, that are added or subtracted."""
MAX_CONTRAST = 0.2
"""Share by which the contrast is raised or lowered."""
CROP_SHARE = 0.85
"""Share of the square's side that is cut out at least, and enlarged again."""
MAX_KEPT_BYTES = 2**30
"""Decoded pictures that are kept in memory for the next epoch: 7,133 where a side has 224 pixels."""
BATCHES_AHEAD = 4


@dataclass(frozen=True)
class Augmentation:
    """How training pictures differ each time."""

    seed: int
    flips_only: bool = False
    """Whether they are only flipped: a length may go with the part that a picture shows, or with its light."""


def picture_batches(
    digests: Sequence[Digest],
    wanted: NDArray[np.float32],
    backbone: Backbone,
    blobs: Blobs,
    batch_size: int,
    augmentation: Augmentation | None = None,
) -> Any:
    """Return a tf.data.Dataset of batches of (pictures, wanted outputs).

    `digests`: N images, whose bytes are in `blobs`; `wanted`: the output that is wanted for each, (N,). Pictures are
    (B, side, side, 3) floats of 0 to 255. With an augmentation each epoch has them in another order, and otherwise.
    """
    squares = _Squares(digests, backbone, blobs)
    shape = (backbone.side, backbone.side, 3)

    def picture(position: Any) -> Any:
        square = tf.numpy_function(squares.read, [position], tf.uint8, stateful=False)
        return tf.cast(tf.ensure_shape(square, shape), tf.float32)

    positions = tf.data.Dataset.range(len(digests))
    if augmentation is None:
        pairs = positions.map(lambda i: (picture(i), tf.gather(wanted, i)), tf.data.AUTOTUNE)
        return pairs.batch(batch_size).prefetch(BATCHES_AHEAD)
    positions = positions.shuffle(len(digests), augmentation.seed, reshuffle_each_iteration=True)
    seeds = tf.data.Dataset.random(augmentation.seed, rerandomize_each_iteration=True).batch(2)
    changed = _flipped if augmentation.flips_only else _augmented
    pairs = tf.data.Dataset.zip(positions, seeds).map(
        lambda i, seed: (changed(picture(i), seed), tf.gather(wanted, i)), tf.data.AUTOTUNE
    )
    return pairs.batch(batch_size).prefetch(BATCHES_AHEAD)


class _Squares:
    """Prepared pictures by their position, as far as they fit into memory decoded only once."""

    def __init__(self, digests: Sequence[Digest], backbone: Backbone, blobs: Blobs) -> None:
        self._digests, self._backbone, self._blobs = digests, backbone, blobs
        self._kept: dict[int, Pixels] = {}
        self._max_kept = MAX_KEPT_BYTES // (3 * backbone.side**2)

    def read(self, position: int) -> Pixels:
        """Return a prepared picture, (side, side, 3) uint8."""
        position = int(position)
        if (square := self._kept.get(position)) is not None:
            return square
        backbone = self._backbone
        square = backbone.prepare(rgb(self._blobs.read(self._digests[position]), backbone.side))
        if len(self._kept) < self._max_kept:
            self._kept[position] = square
        return square


def _flipped(picture: Any, seed: Any) -> Any:
    """A picture, (side, side, 3), flipped or not."""
    return tf.image.stateless_random_flip_left_right(picture, seed)


def _augmented(picture: Any, seed: Any) -> Any:
    """A picture, (side, side, 3), flipped, cropped and lit at random, as floats of 0 to 255."""
    side = picture.shape[0]
    x = _flipped(picture, seed)
    share = tf.random.stateless_uniform((), seed + 4, CROP_SHARE, 1.0)
    cropped = tf.cast(share * side, tf.int32)
    x = tf.image.stateless_random_crop(x, tf.stack([cropped, cropped, 3]), seed + 1)
    x = tf.ensure_shape(tf.image.resize(x, (side, side)), picture.shape)
    x = tf.image.stateless_random_contrast(x, 1 - MAX_CONTRAST, 1 + MAX_CONTRAST, seed + 2)
    return tf.clip_by_value(tf.image.stateless_random_brightness(x, MAX_BRIGHTNESS, seed + 3), 0.0, 255.0)
