"""How a network is run: by LiteRT on the CPU, three times as fast there as TensorFlow; by TensorFlow's graph on a GPU.

LiteRT folds batch norm into the convolutions and runs them by XNNPACK; its features differ from TensorFlow's in the
fifth digit (`tests/benchmarks/train.py` prints by how much). A network that it cannot convert runs in TensorFlow.
"""

import logging
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from regraft.backbones import device
from regraft.backbones.stderr import muted_stderr
from regraft.pictures.colours import Pixels

Forward = Callable[[Pixels], NDArray[np.float32]]
"""From (N, side, side, 3) uint8 to (N, D) float32."""
LITERT_BATCH_SIZE = 8
"""Pictures that LiteRT sees at a time: fewer leave cores idle, more overflow the cores' caches."""
log = logging.getLogger(__name__)


def fastest_forward(model: Any, side: int) -> Forward:
    """Return the fastest way to run a Keras model in inference mode on the device that TensorFlow computes on."""
    graph = tf.function(
        lambda squares: model(tf.cast(squares, tf.float32), training=False),
        input_signature=[tf.TensorSpec((None, side, side, 3), tf.uint8)],
    )
    if not device.on_gpu():
        try:
            with muted_stderr():
                return litert_forward(graph)
        except Exception as error:  # the converter raises anything where it does not know an operation
            log.warning("LiteRT cannot run this network, so TensorFlow runs it, slower: %s", str(error)[:200])
    return lambda squares: np.asarray(graph(squares), dtype=np.float32)


def litert_forward(graph: Any) -> Forward:
    """Return a TensorFlow function, from (N, side, side, 3) uint8 to (N, D), as LiteRT runs it on all cores."""
    from ai_edge_litert.interpreter import Interpreter

    converter = tf.lite.TFLiteConverter.from_concrete_functions([graph.get_concrete_function()])
    interpreter = Interpreter(model_content=converter.convert(), num_threads=os.cpu_count())
    pixels, features = interpreter.get_input_details()[0], interpreter.get_output_details()[0]["index"]
    interpreter.resize_tensor_input(pixels["index"], [LITERT_BATCH_SIZE, *pixels["shape"][1:]])
    interpreter.allocate_tensors()

    def forward(squares: Pixels) -> NDArray[np.float32]:
        rows = []
        for start in range(0, len(squares), LITERT_BATCH_SIZE):
            batch = squares[start : start + LITERT_BATCH_SIZE]
            padded = np.zeros((LITERT_BATCH_SIZE, *squares.shape[1:]), dtype=np.uint8)
            padded[: len(batch)] = batch
            interpreter.set_tensor(pixels["index"], padded)
            interpreter.invoke()
            rows.append(interpreter.get_tensor(features)[: len(batch)])
        return np.concatenate(rows)

    return forward
