"""How sure scores should be, where some of the labels that say so may be wrong.

Scores are multiplied by a factor: https://proceedings.mlr.press/v70/guo17a.html. A wrong label may be of any other
category, and says nothing of the picture: https://doi.org/10.1109/TNNLS.2013.2292894. So a list with wrong labels does
not make probabilities unsure, and what each picture is after all can be told from both.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

from regraft.heads.principal import Indices, Values

# K images, C categories
Scores = NDArray[np.floating]
"""(K, C) of categories: their probabilities' logarithms, but for a factor and for what they have in common."""
FACTORS = np.geomspace(2.0**-9, 2.0**9, 37)
"""Factors on the scores that are tried: weight decay makes scores small, and features that go together large."""
WRONG_SHARES = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4)
"""Shares of wrong labels that are tried."""
MIN_PROBABILITY = 1e-12
"""For the logarithm."""


@dataclass(frozen=True)
class Sureness:
    """How sure scores should be."""

    loss: float
    """Mean log loss of the labels as they are shown, with what it costs to suppose wrong ones."""
    factor: float
    """By which scores are multiplied."""
    wrong_share: float
    """The share of labels that are wrong."""

    def probabilities(self, scores: Scores) -> Values:
        """Return the probabilities of the true categories, (K, C), by scores."""
        return np.asarray(softmax(self.factor * scores, axis=1), np.float64)

    def with_labels(self, scores: Scores, index: Indices) -> Values:
        """Return the probabilities of the true categories, (K, C), by scores and by the labels that are shown."""
        probabilities = self.probabilities(scores)
        wrong = probabilities * (self.wrong_share / max(1, scores.shape[1] - 1))
        rows = np.arange(len(index))
        wrong[rows, index] = probabilities[rows, index] * (1 - self.wrong_share)
        return wrong / np.maximum(wrong.sum(axis=1, keepdims=True), MIN_PROBABILITY)


def sureness_of(scores: Scores, index: Indices, wrong_shares: tuple[float, ...] = WRONG_SHARES) -> Sureness:
    """Return factor and share of wrong labels with the lowest log loss of the categories, (K,), that are shown.

    `scores`, (K, C), are of images that were not learnt from. Own categories count as a little less than certain, so
    that few images cannot ask for certainty: https://en.wikipedia.org/wiki/Platt_scaling. To suppose wrong labels costs
    what Akaike's criterion says.
    """
    count, categories = scores.shape
    doubt, rows, best = 1 / (count + 2), np.arange(count), Sureness(np.inf, 1.0, 0.0)
    for factor in FACTORS:
        logs = log_softmax(factor * scores, axis=1)
        own, others = np.exp(logs[rows, index]), doubt * logs.mean()
        for share in wrong_shares:
            shown = (1 - share) * own + share * (1 - own) / max(1, categories - 1)
            fit = (1 - doubt) * np.log(np.maximum(shown, MIN_PROBABILITY)).mean() + others
            loss = float((share > 0) / count - fit)
            if loss < best.loss:
                best = Sureness(loss, float(factor), share)
    return best
