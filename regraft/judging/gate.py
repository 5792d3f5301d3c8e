"""Whether a candidate becomes champion, by a paired comparison on the same held-out images."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from regraft.config import GateSettings
from regraft.store.metrics_record import Comparison
from regraft.targets import bootstrap
from regraft.targets.wording import Wording

ROUNDING = 1e-4
"""Differences below this, in cm or of probabilities, are rounding, not learning."""
RELEVANT_SHARE = 0.05
"""A model that got worse by this share of its RMSE must not go unnoticed."""
POWER = 0.8
"""The probability with which a difference that is there is to be seen."""


@dataclass(frozen=True)
class Gate:
    """Whether the candidate becomes champion, and why."""

    promoted: bool
    why: str
    """One sentence for people."""
    comparison: Comparison | None = None
    """None where there is no champion, or nothing to compare on."""


def gate(
    champion: str,
    candidate_errors: NDArray[np.float64],
    champion_errors: NDArray[np.float64],
    wording: Wording,
    settings: GateSettings,
    seed: int,
) -> Gate:
    """Compare two models on the same N held-out images, by a paired bootstrap of the difference of their RMSE.

    `champion` is the champion's version. `candidate_errors`, `champion_errors`: squared errors, (N,) each, see
    `rivals.Errors`.

    The candidate is promoted where the whole interval of the difference is a gain that figures show: a champion changes
    for a measurable gain only, never by chance, and not for probabilities that are all a trifle surer. Where the models
    cannot be told apart, and where a change of RELEVANT_SHARE could not have been seen, the sentence says that the
    holdout is too small. Source of that power: a two-sided test at the confidence,
    https://doi.org/10.4324/9780203771587.
    """
    samples = bootstrap.rmse_differences(candidate_errors, champion_errors[:, None], settings, seed)[:, 0]
    low, high = bootstrap.interval(samples, settings)
    rmse = float(np.sqrt(champion_errors.mean()))
    quantiles = NormalDist().inv_cdf((1 + settings.confidence) / 2) + NormalDist().inv_cdf(POWER)
    comparison = Comparison(
        version=champion,
        n=len(champion_errors),
        rmse=rmse,
        difference=float(np.sqrt(candidate_errors.mean())) - rmse,
        low=low,
        high=high,
        detectable=quantiles * float(samples.std()) / rmse if rmse > 0 else 0.0,
    )
    return Gate(high < -wording.smallest_difference, _sentence(comparison, wording, settings.confidence), comparison)


def _sentence(comparison: Comparison, wording: Wording, confidence: float) -> str:
    """Why the candidate is promoted or not."""
    version, n, low, high = comparison.version, comparison.n, comparison.low, comparison.high
    signed = wording.signed
    interval = f"{confidence:.0%} interval {signed(low)} to {signed(high)}"
    measured = f"{signed(comparison.difference)} {wording.error}, {interval}, n={n}"
    if high < -wording.smallest_difference:
        return f"Measurably better than champion {version} on the same images ({measured})."
    if low > wording.smallest_difference:
        return f"Measurably worse than champion {version} on the same images ({measured})."
    if max(abs(low), abs(high)) < ROUNDING:
        return f"Predicts just what champion {version} predicts on the same {n} images."
    sentence = f"Not measurably better than champion {version} on the same images ({measured})."
    detectable = comparison.detectable or 0.0
    if detectable > RELEVANT_SHARE:
        sentence += (
            f" The holdout is too small to tell a change of {RELEVANT_SHARE:.0%}: these {n} images show "
            f"{detectable:.0%}."
        )
    return sentence
