"""How sure scores should be, where some of the labels that say so may be wrong.

Scores are multiplied by a factor: https://proceedings.mlr.press/v70/guo17a.html. A wrong label may be of any other
category, and says nothing of the picture: https://doi.org/10.1109/TNNLS.2013.2292894. So a list with wrong labels does
not make probabilities unsure, and what each picture is after all can be told from both.

A few images leave factor and share of wrong labels open. So each counts by how likely it makes the labels that are
shown, and what is answered is their mean: https://doi.org/10.1214/ss/1009212519.
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
    """Minus the logarithm, by image, of how likely the labels that are shown are, over all factors and shares."""
    factor: float
    """By which scores are multiplied: the geometric mean."""
    wrong_share: float
    """The share of labels that is wrong: the mean."""
    wrong_probability: float
    """How probable it is that any share of them is."""

    def with_labels(self, scores: Scores, index: Indices) -> Values:
        """Return the probabilities of the true categories, (K, C), by scores and by the labels that are shown."""
        probabilities = softmax(self.factor * scores, axis=1)
        wrong = probabilities * (self.wrong_share / max(1, scores.shape[1] - 1))
        rows = np.arange(len(index))
        wrong[rows, index] = probabilities[rows, index] * (1 - self.wrong_share)
        return np.asarray(wrong / np.maximum(wrong.sum(axis=1, keepdims=True), MIN_PROBABILITY), np.float64)


def sureness_of(scores: Scores, index: Indices, wrong_shares: tuple[float, ...] = WRONG_SHARES) -> Sureness:
    """Return the factor and the share of wrong labels that make the categories, (K,), that are shown likely.

    `scores`, (K, C), are of images that were not learnt from; before, all factors and shares are as probable. Own
    categories count as a little less than certain, so that few images cannot ask for certainty:
    https://en.wikipedia.org/wiki/Platt_scaling.
    """
    losses = np.array([_losses(factor * scores, index, wrong_shares) for factor in FACTORS])
    likely = np.exp(len(index) * (losses.min() - losses))
    loss = losses.min() - np.log(likely.mean()) / len(index)
    probable = likely / likely.sum()
    by_factor, by_share = probable.sum(axis=1), probable.sum(axis=0)
    return Sureness(
        loss=float(loss),
        factor=float(np.exp(by_factor @ np.log(FACTORS))),
        wrong_share=float(by_share @ wrong_shares),
        wrong_probability=float(by_share[np.array(wrong_shares) > 0].sum()),
    )


def _losses(scores: Scores, index: Indices, wrong_shares: tuple[float, ...]) -> Values:
    """The mean log loss, (S,), of the categories that are shown, (K,), for each of S shares of wrong labels."""
    count, categories = scores.shape
    doubt, logs = 1 / (count + 2), log_softmax(scores, axis=1)
    own, shares = np.exp(logs[np.arange(count), index]), np.array(wrong_shares)[:, None]
    shown = (1 - shares) * own + shares * (1 - own) / max(1, categories - 1)
    certain = np.log(np.maximum(shown, MIN_PROBABILITY)).mean(axis=1)
    return np.asarray(-(1 - doubt) * certain - doubt * logs.mean(), np.float64)
