"""Learns categories by what is best for images that are left out in turn, and then from all of them.

Several learners are tried, and those that are about as good are blended: https://doi.org/10.1214/ss/1009212519. How
likely they make the labels seldom says which is best, for two of them answer but few images differently. So a
difference counts by how large it may be by chance: https://doi.org/10.1214/17-BA1091. Where labels seem to be wrong,
learners also try what each picture probably is instead, which counts if it makes the labels that are left out likelier:
https://doi.org/10.1613/jair.1.12125.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.special import softmax as softmax_of

from regraft.config import HeadSettings
from regraft.heads.learners import (
    EVERY_FOLD,
    FOLDS,
    Discriminant,
    FoldedImages,
    Learner,
    SoftmaxRegression,
    left_out_scores,
)
from regraft.heads.moments import Rows, evenly
from regraft.heads.principal import Principal, Values
from regraft.heads.side_by_side import side_by_side
from regraft.heads.softmax import Softmax, losses_by_step
from regraft.heads.sureness import WRONG_SHARES, Sureness, sureness_of
from regraft.heads.training_data import TrainingData

# N images, D features, C categories, K images that take part, R principal coordinates
MAX_IMAGES = 4096
MAX_NUMBERS = 20_000_000
"""Images, and features of them, that cross-validation takes at most; of more, those that are evenly spread."""
DECAYS = (0.1, 10.0, 1000.0)
"""Weight decays that are tried, by that in the settings."""
SHRINKAGES = (0.1, 0.7, 0.9, 1.0)
MANY_CATEGORIES = 100
"""With more, one fold alone says which weight decay is best: each regression takes long."""
ROBUST = Discriminant(0.9)
"""By which labels are judged."""
PRIOR_ODDS = 2.0
"""Of a learner by the one before it where labels are wrong: they are sorted by how little these lead them astray."""
MIN_WRONG_PROBABILITY = 0.5
"""Of any labels being wrong, from which on learners also try what pictures probably are."""
LOSS_SPREAD = 0.25
"""Standard deviation, over images, of how far the losses of two learners are apart: mostly 0.15 to 0.35."""
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
    regression, _ = _chosen_regression(images, settings)
    learners: list[Learner] = [regression, *(Discriminant(shrinkage) for shrinkage in SHRINKAGES)]
    plain = _plain(learners, images)
    robust = plain[learners.index(ROBUST)].sureness
    candidates = [*plain, *_relabelled(learners, images, robust)]
    factors = _factors(candidates, robust, len(rows))
    chosen = [(each, factor) for each, factor in zip(candidates, factors, strict=True) if factor > 0]
    weights = side_by_side(lambda part: part[1] * part[0].learner.weights(images, part[0].targets), chosen)
    softmax = Softmax.of(images.images, _total(weights), _history(images, regression))
    scores = _total([factor * each.left_out for each, factor in chosen])
    left_out = np.asarray(softmax_of(scores, axis=1), np.float64)
    return LearntCategories(softmax, rows, left_out)


def choice_of(data: TrainingData, settings: HeadSettings) -> Choice:
    """Return which regression cross-validation chooses, on at most `max_images` of the images."""
    regression, candidate = _chosen_regression(_folded(data)[1], settings)
    return Choice(regression.decay, candidate.sureness.factor)


def max_images(width: int) -> int:
    """Return how many images of so many features cross-validation takes at most."""
    return max(FOLDS, min(MAX_IMAGES, MAX_NUMBERS // width))


def _folded(data: TrainingData) -> tuple[Rows, FoldedImages]:
    """The rows of the images that take part, and they themselves."""
    rows = evenly(np.sort(np.concatenate([data.train, data.validation])), max_images(data.x.shape[1]))
    images = Principal.of(data.x.read(rows), data.category[rows], data.categories)
    return rows, FoldedImages.of(images, data.cluster[rows])


def _chosen_regression(images: FoldedImages, settings: HeadSettings) -> tuple[SoftmaxRegression, _Candidate]:
    """The regression with the lowest loss on the images that are left out, those of one fold if categories are many."""
    regressions = [SoftmaxRegression(settings.weight_decay * times, settings.epochs) for times in DECAYS]
    folds = EVERY_FOLD[:1] if images.images.categories > MANY_CATEGORIES else EVERY_FOLD
    candidates = _plain(regressions, images, folds)
    return min(zip(regressions, candidates, strict=True), key=lambda pair: pair[1].sureness.loss)


def _history(images: FoldedImages, learner: SoftmaxRegression) -> dict[str, list[float]]:
    """The losses by step of learning without the first fold, and on it."""
    return losses_by_step(images.images, images.fold == 0, learner.decay, learner.steps)


def _plain(learners: Sequence[Learner], images: FoldedImages, folds: Sequence[int] = EVERY_FOLD) -> list[_Candidate]:
    """The learners with the labels as they are, by what they make of some folds that are left out."""
    return _candidates(learners, images, [images.images.one_hot] * (1 + FOLDS), WRONG_SHARES, folds)


def _relabelled(learners: Sequence[Learner], images: FoldedImages, robust: Sureness) -> list[_Candidate]:
    """The learners with what each picture probably is; none where no label seems to be wrong. `robust`: of ROBUST."""
    if robust.wrong_probability < MIN_WRONG_PROBABILITY:
        return []
    return _candidates(learners, images, _probable(images, robust), (robust.wrong_share,), EVERY_FOLD)


def _candidates(
    learners: Sequence[Learner],
    images: FoldedImages,
    targets: Sequence[Values],
    wrong_shares: tuple[float, ...],
    folds: Sequence[int],
) -> list[_Candidate]:
    """The learners with what they learn from: `targets`, those for all images and then those without each fold."""
    everything, *by_fold = targets
    index = images.images.index[np.isin(images.fold, folds)]

    def candidate(position: int) -> _Candidate:
        scores = left_out_scores(learners[position], images, by_fold, folds)
        sureness = sureness_of(scores, index, wrong_shares)
        return _Candidate(learners[position], position, everything, scores, sureness)

    return side_by_side(candidate, range(len(learners)))


def _probable(images: FoldedImages, robust: Sureness) -> list[Values]:
    """The probabilities of the true categories, (K, C); then of each fold those for which it need not be known.

    Of an image in a fold that is left out they are its label.
    """
    labels = images.images.one_hot
    without = [frozenset(folds) for folds in combinations_with_replacement(EVERY_FOLD, 2)]
    robust_weights = side_by_side(lambda folds: ROBUST.weights(images, labels, folds), without)
    weights_without = dict(zip(without, robust_weights, strict=True))

    def probable(left_out: int | None) -> Values:
        targets = labels.copy()
        for number in set(EVERY_FOLD) - {left_out}:
            rows = np.flatnonzero(images.fold == number)
            part = images.images.rows(rows)
            scores = part.scores(weights_without[frozenset({number} if left_out is None else {number, left_out})])
            targets[rows] = robust.with_labels(scores, part.index)
        return targets

    return side_by_side(probable, [None, *EVERY_FOLD])


def _factors(candidates: list[_Candidate], robust: Sureness, count: int) -> Values:
    """What the scores of each candidate are multiplied by in the blend, which is learnt from so many images.

    By how many standard errors a candidate's loss is above the lowest says what the odds are that it is the better one.
    """
    losses = np.array([each.sureness.loss for each in candidates])
    prior = PRIOR_ODDS ** (robust.wrong_probability * np.array([each.position for each in candidates]))
    standard_errors = (losses - losses.min()) * np.sqrt(count) / LOSS_SPREAD
    parts = prior * ndtr(-standard_errors) / ndtr(standard_errors)
    parts *= parts >= MIN_PART * parts.max()
    return np.asarray(parts / parts.sum() * np.array([each.sureness.factor for each in candidates]))


def _total(arrays: Sequence[NDArray[np.floating]]) -> Values:
    """The sum of arrays of one shape."""
    return np.sum(arrays, axis=0, dtype=np.float64)
