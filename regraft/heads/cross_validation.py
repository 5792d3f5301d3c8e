"""Learns categories by what is best for images that are left out in turn, and then from all of them.

Several learners are tried, and those that are about as good are blended by how likely they make the labels, for few
images seldom say which is best: https://doi.org/10.1214/ss/1009212519. Where labels seem to be wrong, learners also try
what each picture probably is instead, which counts if it makes the labels that are left out likelier:
https://doi.org/10.1613/jair.1.12125.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax as softmax_of

from regraft.config import HeadSettings
from regraft.heads.learners import FOLDS, Discriminant, FoldedImages, Learner, Regression, left_out_scores
from regraft.heads.moments import Rows, evenly
from regraft.heads.principal import Principal, Values, Weights
from regraft.heads.softmax import Softmax, losses_by_step
from regraft.heads.sureness import Sureness, sureness_of
from regraft.heads.training_data import TrainingData

# N images, D features, C categories, K images that take part, R principal coordinates
MAX_IMAGES = 4096
MAX_NUMBERS = 20_000_000
"""Images, and features of them, that cross-validation takes at most; of more, those that are evenly spread."""
DECAYS = (0.1, 10.0, 1000.0)
"""Weight decays that are tried, by that in the settings."""
SHRINKAGES = (0.7, 0.9, 1.0)
ROBUST = Discriminant(0.9)
"""By which labels are judged."""
PRIOR_ODDS = 2.0
"""Of a learner by the one before it where labels are wrong: they are sorted by how little these lead them astray."""
MIN_WRONG_PROBABILITY = 0.5
"""Of any labels being wrong, from which on learners also try what pictures probably are."""
MIN_PART = 0.05
"""Of the blend, by the largest: learners with a smaller one are left out."""


@dataclass(frozen=True)
class LearntCategories:
    """A regression of the categories, and the probabilities, (K, C), of some rows, (K,), that are left out of it."""

    softmax: Softmax
    rows: Rows
    left_out: Values


@dataclass(frozen=True)
class Choice:
    """What cross-validation chooses of regressions alone."""

    weight_decay: float
    factor: float
    """By which scores are multiplied."""


@dataclass(frozen=True)
class _Candidate:
    """A learner, what it learns from, and how good it is."""

    learner: Learner
    position: int
    """Among the learners, of which those that wrong labels lead astray least come last."""
    targets: Values
    """(K, C) the probabilities of the true categories that it learns from."""
    left_out: NDArray[np.float32]
    """(K, C) scores of the images by the folds that they are not in."""
    sureness: Sureness


def fit_softmax(data: TrainingData, settings: HeadSettings) -> LearntCategories:
    """Return what is learnt of the categories from all images to learn from, in memory."""
    rows, images = _folded(data)
    regressions = _regressions(settings)
    learners: list[Learner] = [*regressions, *(Discriminant(shrinkage) for shrinkage in SHRINKAGES)]
    plain = list(_plain(learners, images))
    robust = plain[learners.index(ROBUST)].sureness
    candidates = [*plain, *_relabelled(learners, images, robust)]
    factors = _factors(candidates, robust, len(rows))
    chosen = [(each, factor) for each, factor in zip(candidates, factors, strict=True) if factor > 0]
    weights = _total([factor * each.learner.weights(images, each.targets) for each, factor in chosen])
    softmax = Softmax.of(images.images, weights, _history(images, _best(regressions, plain)[0]))
    scores = _total([factor * each.left_out for each, factor in chosen])
    left_out = np.asarray(softmax_of(scores, axis=1), np.float64)
    return LearntCategories(softmax, rows, left_out)


def choice_of(data: TrainingData, settings: HeadSettings) -> Choice:
    """Return which regression cross-validation chooses, on at most `max_images` of the images."""
    regressions = _regressions(settings)
    best, candidate = _best(regressions, list(_plain(regressions, _folded(data)[1])))
    return Choice(best.decay, candidate.sureness.factor)


def max_images(width: int) -> int:
    """Return how many images of so many features cross-validation takes at most."""
    return max(FOLDS, min(MAX_IMAGES, MAX_NUMBERS // width))


def _folded(data: TrainingData) -> tuple[Rows, FoldedImages]:
    """The rows of the images that take part, and they themselves."""
    rows = evenly(np.sort(np.concatenate([data.train, data.validation])), max_images(data.x.shape[1]))
    images = Principal.of(data.x.read(rows), data.category[rows], data.categories)
    return rows, FoldedImages.of(images)


def _regressions(settings: HeadSettings) -> list[Regression]:
    return [Regression(settings.weight_decay * times, settings.epochs) for times in DECAYS]


def _best(regressions: list[Regression], candidates: list[_Candidate]) -> tuple[Regression, _Candidate]:
    """The regression with the lowest loss; the first of the candidates are theirs."""
    return min(zip(regressions, candidates, strict=False), key=lambda pair: pair[1].sureness.loss)


def _history(images: FoldedImages, learner: Regression) -> dict[str, list[float]]:
    """The losses by step of learning without the first fold, and on it."""
    return losses_by_step(images.images, images.fold == 0, learner.decay, learner.steps)


def _plain(learners: Sequence[Learner], images: FoldedImages) -> Iterator[_Candidate]:
    """The learners with the labels as they are."""
    labels, index = images.images.one_hot, images.images.index
    for position, learner in enumerate(learners):
        scores = left_out_scores(learner, images, [labels] * FOLDS)
        yield _Candidate(learner, position, labels, scores, sureness_of(scores, index))


def _relabelled(learners: Sequence[Learner], images: FoldedImages, robust: Sureness) -> Iterator[_Candidate]:
    """The learners with what each picture probably is; none where no label seems to be wrong. `robust`: of ROBUST."""
    if robust.wrong_probability < MIN_WRONG_PROBABILITY:
        return
    index = images.images.index
    probable, *by_fold = _probable(images, robust)
    for position, learner in enumerate(learners):
        scores = left_out_scores(learner, images, by_fold)
        sureness = sureness_of(scores, index, (robust.wrong_share,))
        yield _Candidate(learner, position, probable, scores, sureness)


def _probable(images: FoldedImages, robust: Sureness) -> Iterator[Values]:
    """Yield the probabilities of the true categories, (K, C); then of each fold those for which it need not be known.

    Of an image in a fold that is left out they are its label.
    """
    labels = images.images.one_hot

    @cache
    def weights_without(folds: frozenset[int]) -> Weights:
        return ROBUST.weights(images, labels, folds)

    for left_out in (None, *range(FOLDS)):
        targets = labels.copy()
        for number in set(range(FOLDS)) - {left_out}:
            rows = np.flatnonzero(images.fold == number)
            part = images.images.rows(rows)
            weights = weights_without(frozenset({number} if left_out is None else {number, left_out}))
            targets[rows] = robust.with_labels(part.scores(weights), part.index)
        yield targets


def _factors(candidates: list[_Candidate], robust: Sureness, count: int) -> Values:
    """What the scores of each candidate are multiplied by in the blend, which is learnt from so many images."""
    losses = np.array([each.sureness.loss for each in candidates])
    prior = PRIOR_ODDS ** (robust.wrong_probability * np.array([each.position for each in candidates]))
    parts = prior * np.exp(count * (losses.min() - losses))
    parts *= parts >= MIN_PART * parts.max()
    return np.asarray(parts / parts.sum() * np.array([each.sureness.factor for each in candidates]))


def _total(arrays: Sequence[NDArray[np.floating]]) -> Values:
    """The sum of arrays of one shape."""
    return np.sum(arrays, axis=0, dtype=np.float64)
