"""A model as one file that takes raw pictures and gives its answers: SavedModel, ONNX or LiteRT."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from regraft.backbones.stderr import muted_stderr
from regraft.errors import VersionError
from regraft.heads.model import KerasModel
from regraft.heads.resizing import centre_squares
from regraft.pictures.pixels import Pixels

Format = Literal["saved_model", "onnx", "litert"]
Run = Callable[[Pixels], NDArray[np.float32]]
"""From (N, H, W, 3) uint8 RGB to the head's outputs, (N, 1) cm or (N, C) probabilities."""
ONNX_OPSET = 17


class _Codec(NamedTuple):
    """How a format is written, and how what was written is run."""

    write: Callable[[Any, Path], None]
    load: Callable[[Path], Run]


def export(model: KerasModel, to: Format, path: Path, pictures: Sequence[Pixels]) -> float:
    """Write a model that takes (N, H, W, 3) uint8 RGB of any size, run it on `pictures`, and compare.

    It gives (N, 1) lengths in cm, or (N, C) probabilities. Return the largest difference, in cm or in a probability,
    from the answers of `model`. Raises VersionError where `path`, which must be free, cannot be written, or where the
    difference is above `Target.export_tolerance`; the model is then not at `path`.
    """
    graph = _graph(model)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    codec = _CODECS[to]
    with muted_stderr(), _removed_where_it_fails(temporary):
        try:
            codec.write(graph, temporary)
        except (OSError, tf.errors.OpError) as error:
            problem = str(error).rpartition("; ")[2]  # TensorFlow's own errors name its function first
            raise VersionError(f"{path} cannot be written: {problem}. Give another place: --out") from error
        run = codec.load(temporary)
        outputs = np.concatenate([np.asarray(run(picture[None])) for picture in pictures])
    difference = float(np.abs(outputs - model.answers(pictures).reshape(outputs.shape)).max())
    tolerance = model.head.target.export_tolerance
    if not difference <= tolerance:
        raise VersionError(
            f"The exported model's answers differ from the version's by up to {difference:.2f}, more than "
            f"{tolerance:g}; it was left at {temporary}."
        )
    temporary.rename(path)
    return difference


@contextlib.contextmanager
def _removed_where_it_fails(path: Path) -> Iterator[None]:
    """Leave no half of a file or a folder behind: on a full disk it would take what room is left."""
    try:
        yield
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)  # a folder
        with contextlib.suppress(OSError):
            path.unlink()
        raise


def _graph(model: KerasModel) -> Any:
    """The whole model as one TensorFlow function, its weights included as constants."""
    network, head, side = model.backbone.model, model.head.model, model.backbone.side

    graph = tf.function(
        lambda pictures: head(network(centre_squares(pictures, side), training=False), training=False),
        input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8, name="pictures")],
    )
    return convert_variables_to_constants_v2(graph.get_concrete_function())


def _write_saved_model(graph: Any, path: Path) -> None:
    tf.saved_model.save(tf.Module(), str(path), signatures=graph)


def _load_saved_model(path: Path) -> Run:
    saved_model = tf.saved_model.load(str(path))
    signature = saved_model.signatures["serving_default"]
    return lambda pictures: np.asarray(next(iter(signature(tf.constant(pictures)).values())))


def _write_onnx(graph: Any, path: Path) -> None:
    import tf2onnx

    inputs, outputs = ([tensor.name for tensor in tensors] for tensors in (graph.inputs, graph.outputs))
    definition = graph.graph.as_graph_def()
    tf2onnx.convert.from_graph_def(definition, None, inputs, outputs, opset=ONNX_OPSET, output_path=str(path))


def _load_onnx(path: Path) -> Run:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda pictures: np.asarray(session.run(None, {session.get_inputs()[0].name: pictures})[0])


def _write_litert(graph: Any, path: Path) -> None:
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([graph]).convert())


def _load_litert(path: Path) -> Run:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    pixels, outputs = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def run(pictures: Pixels) -> NDArray[np.float32]:
        interpreter.resize_tensor_input(pixels, pictures.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(pixels, pictures)
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(outputs))

    return run


_CODECS: dict[Format, _Codec] = {
    "saved_model": _Codec(_write_saved_model, _load_saved_model),
    "onnx": _Codec(_write_onnx, _load_onnx),
    "litert": _Codec(_write_litert, _load_litert),
}
