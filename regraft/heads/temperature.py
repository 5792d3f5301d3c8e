"""The temperature of a softmax regression: how sure its probabilities should be, by the validation images.

Weight decay keeps the scores small, and probabilities that are away from 0 and 1 pull lengths together. A factor on all
scores, https://proceedings.mlr.press/v70/guo17a.html, that fits the validation images puts that right. Their own
categories count as a little less than certain, so that few images cannot ask for certainty:
https://en.wikipedia.org/wiki/Platt_scaling.
"""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from regraft.heads.moments import evenly
from regraft.heads.softmax import Softmax
from regraft.heads.training_data import TrainingData

# N images, D features, C categories
MAX_SCORES = 20_000_000
"""Scores that the factor is chosen by at most; of more, those of images that are evenly spread."""
MAX_FACTOR = 32.0
"""By which scores are made larger, or smaller, at most."""


def with_temperature(softmax: Softmax, data: TrainingData) -> Softmax:
    """Return a regression whose probabilities fit the validation images best."""
    rows = evenly(data.validation, max(1, MAX_SCORES // len(softmax.bias)))
    scores = np.concatenate([block @ softmax.kernel + softmax.bias for _, block in data.x.blocks(rows)])
    own = scores[np.arange(len(rows)), data.category[rows]]
    doubt = 1 / (len(rows) + 2)
    expected = (1 - doubt) * own + doubt * scores.mean(axis=1)

    def cross_entropy(log_factor: float) -> float:
        factor = np.exp(log_factor)
        return float((logsumexp(factor * scores, axis=1) - factor * expected).mean())

    bounds = (-np.log(MAX_FACTOR), np.log(MAX_FACTOR))
    factor = np.float32(np.exp(minimize_scalar(cross_entropy, bounds=bounds, method="bounded").x))
    return Softmax(factor * softmax.kernel, factor * softmax.bias, softmax.history)
