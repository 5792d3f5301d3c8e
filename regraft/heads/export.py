"""A version as one file that takes raw pictures and gives its answers: SavedModel, ONNX or LiteRT.

Cropping and resizing are part of what is exported, as two products with matrices of bicubic weights: plain operations
that every format has, and Pillow's own way, https://github.com/python-pillow/Pillow/blob/main/src/libImaging/Resample.c.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from regraft.backbones.stderr import muted_stderr
from regraft.errors import VersionError
from regraft.heads.model import Model
from regraft.pictures.colours import Pixels

Format = Literal["saved_model", "onnx", "litert"]
Runs = Callable[[Pixels], NDArray[np.float32]]


def export(model: Model, to: Format, path: Path, pictures: Sequence[Pixels]) -> float:
    """Write a model that takes (N, H, W, 3) uint8 RGB of any size and gives (N, 1) cm, run it, and compare.

    Of a model that names categories it gives their probabilities, (N, C). Return the largest difference, in cm or in a
    probability, from the model's own answers to `pictures`. Raises VersionError, and leaves nothing behind that is not
    the model, where the format's package is missing or the difference is above `Target.export_tolerance`.
    """
    if path.exists():
        raise VersionError(f"{path} is there already; nothing was exported. Give another name: --out")
    graph = _graph(model)
    aside = path.with_name(f".{os.getpid()}.{path.name}")
    write, run = {"saved_model": (_saved, _run_saved), "onnx": (_onnx, _run_onnx), "litert": (_litert, _run_litert)}[to]
    with muted_stderr():
        write(graph, aside)
        runs: Runs = run(aside)
        said = np.concatenate([np.asarray(runs(picture[None])) for picture in pictures])
    off = float(np.abs(said - model.answers(pictures).reshape(said.shape)).max())
    if not off <= model.head.target.export_tolerance:
        raise VersionError(f"The exported model predicts otherwise (by up to {off:.2f}); it was left at {aside}.")
    aside.rename(path)
    return off


def _graph(model: Model) -> Any:
    """The whole model as one function that TensorFlow has traced, weights and all."""
    network, head, side = model.backbone.model, model.head.model, model.backbone.side

    graph = tf.function(
        lambda pictures: head(network(_squares(pictures, side), training=False), training=False),
        input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8, name="pictures")],
    )
    return convert_variables_to_constants_v2(graph.get_concrete_function())


def _squares(pictures: Any, side: int) -> Any:
    """The middle squares of (N, H, W, 3) uint8 as (N, side, side, 3) floats of 0 to 255; as squares.centre_crop."""
    shape = tf.shape(pictures)
    count, height, width = shape[0], shape[1], shape[2]
    across, down = _weights(width, height, side), _weights(height, width, side)
    x = tf.transpose(tf.cast(pictures, tf.float32), (0, 2, 1, 3))
    x = tf.matmul(across, tf.reshape(x, (count, width, height * 3)))
    x = _whole(tf.reshape(x, (count, side, height, 3)))
    x = tf.transpose(x, (0, 2, 1, 3))
    x = tf.matmul(down, tf.reshape(x, (count, height, side * 3)))
    return _whole(tf.reshape(x, (count, side, side, 3)))


def _whole(x: Any) -> Any:
    return tf.clip_by_value(tf.floor(x + 0.5), 0.0, 255.0)


def _weights(length: Any, other: Any, side: int) -> Any:
    """Bicubic weights, (side, length), from pixels along an edge to those of the middle square."""
    whole, edge = tf.cast(length, tf.float32), tf.cast(tf.minimum(length, other), tf.float32)
    scale = edge / side
    first = tf.floor((whole - edge) / 2)
    centres = first + (tf.range(side, dtype=tf.float32) + 0.5) * scale
    pixels = tf.cast(tf.range(length), tf.float32) + 0.5
    x = tf.abs(pixels[None, :] - centres[:, None]) / tf.maximum(scale, 1.0)
    near = (1.5 * x - 2.5) * x * x + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    weights = tf.where(x < 1.0, near, tf.where(x < 2.0, far, tf.zeros_like(x)))
    return weights / tf.reduce_sum(weights, axis=1, keepdims=True)


def _saved(graph: Any, path: Path) -> None:
    module = tf.Module()
    tf.saved_model.save(module, str(path), signatures=graph)


def _run_saved(path: Path) -> Runs:
    loaded = tf.saved_model.load(str(path))
    signature = loaded.signatures["serving_default"]
    return lambda pictures: np.asarray(next(iter(signature(tf.constant(pictures)).values())))


def _onnx(graph: Any, path: Path) -> None:
    try:
        import tf2onnx
    except ImportError as error:
        raise VersionError("Exporting to ONNX needs more packages: pip install 'regraft[onnx]'") from error
    names = [[tensor.name for tensor in ends] for ends in (graph.inputs, graph.outputs)]
    tf2onnx.convert.from_graph_def(graph.graph.as_graph_def(), None, *names, opset=17, output_path=str(path))


def _run_onnx(path: Path) -> Runs:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda pictures: np.asarray(session.run(None, {session.get_inputs()[0].name: pictures})[0])


def _litert(graph: Any, path: Path) -> None:
    converter = tf.lite.TFLiteConverter.from_concrete_functions([graph])
    path.write_bytes(converter.convert())


def _run_litert(path: Path) -> Runs:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    first, last = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def run(pictures: Pixels) -> NDArray[np.float32]:
        interpreter.resize_tensor_input(first, pictures.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(first, pictures)
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(last))

    return run
