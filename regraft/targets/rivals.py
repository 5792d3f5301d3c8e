"""A model beside its rivals: cheaper or older ways to answer, on the same images."""

from collections.abc import Mapping

import numpy as np

from regraft.config import GateSettings
from regraft.store.records import Rival
from regraft.targets import bootstrap
from regraft.targets.target import Answers, Target


def compare(
    target: Target,
    truth: Answers,
    answers: Answers,
    rivals: Mapping[str, Answers],
    settings: GateSettings,
    seed: int,
) -> dict[str, Rival]:
    """Return by rival its errors, and the difference of the model's RMSE from its, with an interval.

    `truth`, `answers` and each rival's answers are of the same N images.
    """
    errors = target.squared_error(truth, answers)
    compared = {}
    for name, theirs in rivals.items():
        samples = bootstrap.rmse_difference(errors, target.squared_error(truth, theirs), settings, seed)
        low, high = bootstrap.interval(samples, settings)
        rmse = target.rmse(truth, theirs)
        compared[name] = Rival(
            rmse=rmse,
            mae=float(np.mean(np.abs(theirs - truth))),
            difference=target.rmse(truth, answers) - rmse,
            low=low,
            high=high,
        )
    return compared
