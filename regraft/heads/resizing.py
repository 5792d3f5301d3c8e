"""Cropping and resizing as TensorFlow operations, so that an exported model takes raw pictures of any size.

The middle square is two products with matrices of bicubic weights: plain operations that every format has, and
Pillow's own way, https://github.com/python-pillow/Pillow/blob/main/src/libImaging/Resample.c.
"""

from typing import Any

import tensorflow as tf


def centre_squares(pictures: Any, side: int) -> Any:
    """Return the middle squares of (N, H, W, 3) uint8 as (N, side, side, 3) floats of 0 to 255; see `centre_crop`."""
    shape = tf.shape(pictures)
    count, height, width = shape[0], shape[1], shape[2]
    across, down = _bicubic_weights(width, height, side), _bicubic_weights(height, width, side)
    x = tf.transpose(tf.cast(pictures, tf.float32), (0, 2, 1, 3))
    x = tf.matmul(across, tf.reshape(x, (count, width, height * 3)))
    x = _rounded(tf.reshape(x, (count, side, height, 3)))
    x = tf.transpose(x, (0, 2, 1, 3))
    x = tf.matmul(down, tf.reshape(x, (count, height, side * 3)))
    return _rounded(tf.reshape(x, (count, side, side, 3)))


def _rounded(x: Any) -> Any:
    """Grey values as whole numbers of 0 to 255, as Pillow has them after each step."""
    return tf.clip_by_value(tf.floor(x + 0.5), 0.0, 255.0)


def _bicubic_weights(length: Any, other_length: Any, side: int) -> Any:
    """The weights, (side, length), of the pixels along an edge for those of the middle square."""
    edge = tf.cast(tf.minimum(length, other_length), tf.float32)
    scale = edge / side
    start = tf.floor((tf.cast(length, tf.float32) - edge) / 2)
    centres = start + (tf.range(side, dtype=tf.float32) + 0.5) * scale
    pixels = tf.cast(tf.range(length), tf.float32) + 0.5
    x = tf.abs(pixels[None, :] - centres[:, None]) / tf.maximum(scale, 1.0)
    near = (1.5 * x - 2.5) * x * x + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    weights = tf.where(x < 1.0, near, tf.where(x < 2.0, far, tf.zeros_like(x)))
    return weights / tf.reduce_sum(weights, axis=1, keepdims=True)
