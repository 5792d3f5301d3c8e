"""A backbone as a LiteRT model: it runs without TensorFlow, which takes seconds to import.

XNNPACK runs it, with batch norm folded into the convolutions, three times as fast as TensorFlow on the CPU.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from regraft.backbones.cropping import centre_crop
from regraft.backbones.stderr import muted_stderr
from regraft.pictures.pixels import Pixels
from regraft.process import usable_cores

Forward = Callable[[Pixels], NDArray[np.float32]]
"""From (N, side, side, 3) uint8 to (N, D) float32."""
log = logging.getLogger("regraft")
BATCH_SIZE = 8
"""Pictures that LiteRT sees at a time: fewer leave cores idle, more overflow the cores' caches."""


@dataclass(frozen=True)
class LiteBackbone:
    """A backbone that can only compute features: what it takes to predict."""

    fingerprint: str
    """Names its weights and preprocessing, see `backbone.Backbone`."""
    side: int
    """Pixels of a side of the squares that the network sees."""
    model: bytes
    """The LiteRT model, see `forward_of`."""

    def prepare(self, pixels: Pixels) -> Pixels:
        """Return a picture of any size, (H, W, 3) uint8 RGB, as the square that the network sees."""
        return centre_crop(pixels, self.side)

    def features(self, squares: Pixels) -> NDArray[np.float32]:
        """Return the features, (N, D) float32, of prepared pictures, (N, side, side, 3) uint8 RGB."""
        return self._forward(squares)

    @cached_property
    def _forward(self) -> Forward:
        return forward_of(self.model)


def kept_backbone(fingerprint: str, side: int, model: bytes | None) -> LiteBackbone | None:
    """Return a backbone that was kept as a LiteRT model, ready to run; None where it was not, or cannot be run."""
    if model is None:
        return None
    backbone = LiteBackbone(fingerprint, side, model)
    try:
        backbone.features(np.zeros((1, side, side, 3), np.uint8))
    except Exception as error:  # LiteRT raises anything where it does not know an operation
        log.warning("The backbone that the store keeps cannot be run, so it is made anew: %s", str(error)[:200])
        return None
    return backbone


def forward_of(model: bytes) -> Forward:
    """Return how a LiteRT model from (N, side, side, 3) uint8 to (N, D) is run, on all cores.

    Raises ValueError where the bytes are no such model.
    """
    with muted_stderr():
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_content=model, num_threads=usable_cores())
        pixels, features = interpreter.get_input_details()[0], interpreter.get_output_details()[0]["index"]
        interpreter.resize_tensor_input(pixels["index"], [BATCH_SIZE, *pixels["shape"][1:]])
        interpreter.allocate_tensors()

    def forward(squares: Pixels) -> NDArray[np.float32]:
        rows = []
        for start in range(0, len(squares), BATCH_SIZE):
            batch = squares[start : start + BATCH_SIZE]
            padded = np.zeros((BATCH_SIZE, *squares.shape[1:]), dtype=np.uint8)
            padded[: len(batch)] = batch
            interpreter.set_tensor(pixels["index"], padded)
            interpreter.invoke()
            rows.append(interpreter.get_tensor(features)[: len(batch)])
        return np.concatenate(rows)

    return forward
