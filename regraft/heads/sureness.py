"""How sure scores should be, where some of the labels that say so may be wrong.

Scores are multiplied by a factor: https://proceedings.mlr.press/v70/guo17a.html. A wrong label may be of any other
category, and says nothing of the picture: https://doi.org/10.1109/TNNLS.2013.2292894. So a list with wrong labels does
not make probabilities unsure, and what each picture is after all can be told from both.

A few images leave factor and share of wrong labels open. So each counts by how likely it makes the labels that are
shown, and what is answered is their mean: https://doi.org/10.1214/ss/1009212519. A little counts also how likely it
makes the scores themselves, whatever the labels: if they lie in heaps with nothing between, categories are easy to tell
apart, and what is in another heap than its label says is rather a wrong label than a picture that is hard to tell.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, softmax

from regraft.heads.principal import Indices, Values

# K images, C categories
Scores = NDArray[np.floating]
"""(K, C) of categories: their probabilities' logarithms, but for a factor and for what they have in common."""
FACTORS = np.geomspace(2.0**-9, 2.0**9, 37)
"""Factors on the scores that are tried: weight decay makes scores small, and features that go together large."""
WRONG_SHARES = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4)
"""Shares of wrong labels that are tried."""
HEAPS_COUNT = 10
"""As how many labels the heaps of scores count at most, for they are not quite normal."""
MIN_PROBABILITY = 1e-12
"""For the logarithm."""


@dataclass(frozen=True)
class Sureness:
    """How sure scores should be."""

    loss: float
    """Minus the logarithm, by image, of how likely the labels that are shown are, over all factors and shares."""
    factor: float
    """By which scores are multiplied, so that they are as sure as all factors are in the mean."""
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

    `scores`, (K, C), are of images that were not learnt from; before, all shares are as probable. Few images cannot ask
    for certainty: after K labels the next one may be as wrong as by https://doi.org/10.1109/TIT.1981.1056331, and the
    answer as well as the label.
    """
    count, categories = scores.shape
    doubt, others = 0.5 / (count + 1), max(1, categories - 1)
    shares = np.maximum(wrong_shares, doubt)
    measured = _measured(scores - scores.mean(axis=1, keepdims=True), index, shares)
    prior = min(HEAPS_COUNT, count) * measured.heaps
    likely = (prior - logsumexp(prior))[:, None] - count * measured.losses
    probable = softmax(likely)
    by_factor, by_share = probable.sum(axis=1), probable.sum(axis=0)
    score = by_factor @ measured.mean_scores * (1 - doubt / 2 * (1 + 1 / others))
    return Sureness(
        loss=float((np.log(len(shares)) - logsumexp(likely)) / count),
        factor=float(np.exp(np.interp(score, measured.mean_scores, np.log(FACTORS)))),
        wrong_share=float(by_share @ wrong_shares),
        wrong_probability=float(by_share[np.array(wrong_shares) > 0].sum()),
    )


@dataclass(frozen=True)
class _Measured:
    """What scores come to, multiplied by each of F factors, with S shares of wrong labels."""

    losses: Values
    """(F, S) the mean log loss of the categories that are shown."""
    mean_scores: Values
    """(F,) the mean score, weighted by probabilities: the surer these are, the higher."""
    heaps: Values
    """(F,) the logarithm, by image and dimension, of how likely the scores lie as they do."""


def _measured(centred: Scores, index: Indices, shares: Values) -> _Measured:
    """What scores come to that sum to 0: `centred`, (K, C). `shares`: (S,) above 0."""
    rows, others = np.arange(len(index)), max(1, centred.shape[1] - 1)
    highest = centred.max(axis=1)
    losses, mean_scores, normalizers = [], [], []
    for factor in FACTORS:
        odds = np.exp(factor * (centred - highest[:, None]))
        total = odds.sum(axis=1)
        own = (odds[rows, index] / total).astype(np.float64)
        shown = (1 - shares[:, None]) * own + shares[:, None] / others * (1 - own)
        losses.append(-np.log(shown).mean(axis=1))
        mean_scores.append((np.einsum("kc,kc->k", odds, centred) / total).mean())
        normalizers.append((np.log(total) + factor * highest).mean())
    return _Measured(np.array(losses), np.array(mean_scores), _heaps(centred, np.array(normalizers)))


def _heaps(centred: Scores, normalizers: Values) -> Values:
    """The logarithm, (F,) by image and dimension, of how likely scores, (K, C), lie as they do, but for a constant.

    If a factor is right, the scores of the images of a category are normally distributed in heaps, of which the own
    category's score is higher than the others by the factor times the variance:
    https://doi.org/10.1080/01621459.1975.10480319. Of each factor the variance is taken that gives the scores their
    mean square. `normalizers`: (F,) the mean logarithms of what the probabilities are divided by.
    """
    categories = centred.shape[1]
    dimensions = max(1, categories - 1)
    square = max(float((centred**2).sum(axis=1).mean()), np.finfo(np.float64).tiny)
    variances = 2 * square / (dimensions + np.sqrt(dimensions**2 + 4 * dimensions / categories * square * FACTORS**2))
    return np.asarray((normalizers - square / variances) / dimensions - np.log(variances) / 2)
