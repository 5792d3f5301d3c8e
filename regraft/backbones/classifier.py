"""The classifier that a backbone was pretrained with: which mixtures of its features tell kinds of pictures apart."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from regraft.backbones.checkpoints.checks import check_finite
from regraft.backbones.checkpoints.torch_legacy import read_legacy_pth
from regraft.backbones.weights import LITE0, RANDOM, installed_weights
from regraft.config import BackboneSettings

WEIGHTS = "_fc.weight"
"""Of the classifier in the checkpoint of efficientnet-lite0, (K, D)."""


def classifier_of(settings: BackboneSettings, width: int) -> NDArray[np.float32] | None:
    """Return the weights, (D, K) float32, by which D features were once classified as K kinds of pictures.

    None where there are none for `width` features: only checkpoints of efficientnet-lite0 bring a classifier that reads
    its features alone.
    Raises BackboneError or CheckpointError where weights are missing or damaged.
    """
    if settings.name != LITE0 or settings.weights == RANDOM:
        return None
    path = Path(settings.weights) if settings.weights else installed_weights()
    state = read_legacy_pth(path)
    if WEIGHTS not in state or state[WEIGHTS].shape[1:] != (width,):
        return None
    check_finite(path, {WEIGHTS: state[WEIGHTS]})
    return np.ascontiguousarray(state[WEIGHTS].T, dtype=np.float32)
