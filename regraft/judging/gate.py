"""Whether a candidate becomes champion, by a paired comparison on the same held-out images."""

from dataclasses import dataclass
from statistics import NormalDist

from regraft.config import GateSettings
from regraft.store.records import Comparison
from regraft.targets import bootstrap
from regraft.targets.target import Answers, Target

SAME = 1e-4
"""Differences below this, in cm or of probabilities, are rounding, not learning."""


MATTERS = 0.05
"""The share of its RMSE by which a model must not get worse unseen."""


POWER = 0.8
"""The probability with which a difference that is there is to be seen."""


@dataclass(frozen=True)
class Gate:
    """Whether the candidate becomes champion, and why."""

    promoted: bool
    why: str
    """One sentence for people."""
    champion: Comparison | None = None
    """None if there is no champion."""


def gate(
    version: str,
    right: Answers,
    candidate: Answers,
    champion: Answers,
    target: Target,
    settings: GateSettings,
    seed: int,
) -> Gate:
    """Compare two models on the same N held-out images, by a paired bootstrap of the difference of their RMSE.

    `version` names the champion, `right` are the labels or the true categories, see `Target.truth`. The candidate is
    promoted where the whole interval of that difference lies below zero: a champion changes for a measurable gain only,
    never by chance. Where nothing can be told, and a change of MATTERS could not have been, it says that the holdout is
    too small. Source of its power: two-sided test at the confidence, https://doi.org/10.4324/9780203771587.
    """
    samples = bootstrap.difference(
        target.squared_error(right, candidate), target.squared_error(right, champion), settings, seed
    )
    low, high = bootstrap.span(samples, settings)
    theirs = target.rmse(right, champion)
    difference, n = target.rmse(right, candidate) - theirs, len(right)
    sure = NormalDist().inv_cdf((1 + settings.confidence) / 2) + NormalDist().inv_cdf(POWER)
    detectable = sure * float(samples.std()) / theirs if theirs > 0 else 0.0
    beside = Comparison(
        version=version, n=n, rmse=theirs, difference=difference, low=low, high=high, detectable=detectable
    )
    signed = target.figures.signed
    interval = f"{settings.confidence:.0%} interval {signed(low)} to {signed(high)}"
    measured = f"{signed(difference)} {target.figures.error}, {interval}, n={n}"
    if high < 0:
        return Gate(True, f"Measurably better than champion {version} on the same images ({measured}).", beside)
    if low > 0:
        return Gate(False, f"Measurably worse than champion {version} on the same images ({measured}).", beside)
    if max(abs(low), abs(high)) < SAME:
        return Gate(False, f"Predicts just what champion {version} predicts on the same {n} images.", beside)
    small = ""
    if detectable > MATTERS:
        small = f" The holdout is too small to tell a change of {MATTERS:.0%}: these {n} images show {detectable:.0%}."
    return Gate(False, f"Not measurably better than champion {version} on the same images ({measured}).{small}", beside)
