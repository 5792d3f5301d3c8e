"""The pictures that fine-tuning learns from, in batches: decoded as they are needed, and augmented for training."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from regraft.backbones.backbone import Backbone
from regraft.identity import Digest
from regraft.pictures.colours import Pixels, rgb
from regraft.store.blobs import Blobs

MAX_BRIGHTNESS = 25.0
"""Grey values, of 255, that are added or subtracted."""
MAX_CONTRAST = 0.2
"""Share by which the contrast is raised or lowered."""
CROP_SHARE = 0.85
"""Share of the square's side that is cut out and enlarged again."""


def picture_batches(
    digests: Sequence[Digest],
    wanted: NDArray[np.float32],
    backbone: Backbone,
    blobs: Blobs,
    batch_size: int,
    augmentation_seed: int | None = None,
) -> Any:
    """Return a tf.data.Dataset of batches of (pictures, wanted outputs).

    `digests`: N images, whose bytes are in `blobs`; `wanted`: the output that is wanted for each, (N,). Pictures are
    (B, side, side, 3) floats of 0 to 255. With a seed each epoch has them in another order, flipped, cropped and lit
    differently.
    """
    images = _images(digests, wanted, backbone, blobs, augmentation_seed)
    if augmentation_seed is None:
        return images.map(lambda p, w: (tf.cast(p, tf.float32), w)).batch(batch_size).prefetch(1)
    seeds = tf.data.Dataset.random(augmentation_seed).batch(2)
    pairs = tf.data.Dataset.zip(images, seeds)
    return pairs.map(lambda image, s: (_augmented(image[0], s), image[1])).batch(batch_size).prefetch(1)


def _images(
    digests: Sequence[Digest], wanted: NDArray[np.float32], backbone: Backbone, blobs: Blobs, seed: int | None
) -> Any:
    """A tf.data.Dataset of (prepared picture, wanted output), one image at a time; with a seed in random order."""
    random = np.random.default_rng(seed)

    def decoded() -> Iterator[tuple[Pixels, float]]:
        order = np.arange(len(digests)) if seed is None else random.permutation(len(digests))
        for i in order:
            yield backbone.prepare(rgb(blobs.read(digests[i]), backbone.side)), float(wanted[i])

    shape = (backbone.side, backbone.side, 3)
    signature = (tf.TensorSpec(shape, tf.uint8), tf.TensorSpec((), tf.float32))
    images = tf.data.Dataset.from_generator(decoded, output_signature=signature)
    return images.apply(tf.data.experimental.assert_cardinality(len(digests)))


def _augmented(picture: Any, seed: Any) -> Any:
    """A picture, (side, side, 3), flipped, cropped and lit at random, as floats of 0 to 255."""
    side = picture.shape[0]
    x = tf.image.stateless_random_flip_left_right(tf.cast(picture, tf.float32), seed)
    cropped = int(side * CROP_SHARE)
    x = tf.image.resize(tf.image.stateless_random_crop(x, (cropped, cropped, 3), seed + 1), (side, side))
    x = tf.image.stateless_random_contrast(x, 1 - MAX_CONTRAST, 1 + MAX_CONTRAST, seed + 2)
    return tf.clip_by_value(tf.image.stateless_random_brightness(x, MAX_BRIGHTNESS, seed + 3), 0.0, 255.0)
