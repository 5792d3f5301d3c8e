"""How a network is run: by LiteRT on the CPU, three times as fast there as TensorFlow; by TensorFlow's graph on a GPU.

LiteRT's features differ from TensorFlow's in the fifth digit (`tests/benchmarks/train.py` prints by how much). A
network that it cannot convert runs in TensorFlow.
"""

import logging
from typing import Any

import numpy as np
import tensorflow as tf

from regraft.backbones.litert import Forward, forward_of
from regraft.backbones.stderr import muted_stderr

log = logging.getLogger(__name__)


def litert_model(model: Any, side: int) -> bytes | None:
    """Return a Keras model as a LiteRT model; None where LiteRT cannot run it."""
    try:
        with muted_stderr():
            litert = converted(_graph(model, side))
        forward_of(litert)  # raises where LiteRT cannot run what it has converted
        return litert
    except Exception as error:  # the converter raises anything where it does not know an operation
        log.warning("LiteRT cannot run this network, so TensorFlow runs it, slower: %s", str(error)[:200])
        return None


def converted(graph: Any) -> bytes:
    """Return a TensorFlow function, from (N, side, side, 3) uint8 to (N, D), as a LiteRT model."""
    converter = tf.lite.TFLiteConverter.from_concrete_functions([graph.get_concrete_function()])
    return bytes(converter.convert())


def graph_forward(model: Any, side: int) -> Forward:
    """Return how TensorFlow runs a Keras model in inference mode, on the device that it computes on."""
    graph = _graph(model, side)
    return lambda squares: np.asarray(graph(squares), dtype=np.float32)


def _graph(model: Any, side: int) -> Any:
    return tf.function(
        lambda squares: model(tf.cast(squares, tf.float32), training=False),
        input_signature=[tf.TensorSpec((None, side, side, 3), tf.uint8)],
    )
