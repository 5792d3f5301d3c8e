"""How good predicted lengths are, in cm."""

import numpy as np
import pandas as pd

from regraft.config import GateSettings
from regraft.store.records import Interval, LengthResults, LengthScores, Strays
from regraft.targets import bootstrap
from regraft.targets.auc import auc, auc_samples
from regraft.targets.oracle import Distributions, excess, oracle_errors


def length_results(rows: pd.DataFrame, settings: GateSettings, seed: int) -> LengthResults:
    """Return how good predictions are, over all rows and by category. `rows`: category, label, prediction."""
    whole = _scores(rows, intervals(rows, settings, seed))
    spread = float(((rows["label"] - rows["label"].mean()) ** 2).mean())
    return LengthResults(
        **whole.model_dump(),
        r2=1 - whole.rmse**2 / spread if spread > 0 else None,
        auc=auc(rows),
        by_category={str(name): _category(part, settings, seed) for name, part in rows.groupby("category")},
    )


def intervals(rows: pd.DataFrame, settings: GateSettings, seed: int) -> dict[str, Interval]:
    """Return the intervals of rmse, mae, bias (cm), r2 and auc of predictions (category, label, prediction).

    r2 is left out where all labels are equal, auc where there is one category.
    """
    label = rows["label"].to_numpy(dtype=np.float64)
    errors = rows["prediction"].to_numpy(dtype=np.float64) - label
    drawn = bootstrap.draws(len(errors), settings, seed)
    squares = (errors**2)[drawn].mean(axis=1)
    samples = {
        "rmse": np.sqrt(squares),
        "mae": np.abs(errors)[drawn].mean(axis=1),
        "bias": errors[drawn].mean(axis=1),
    }
    if label.std() > 0:
        spread = label[drawn].var(axis=1)
        samples["r2"] = 1 - squares / np.where(spread > 0, spread, np.nan)
    if rows["category"].nunique() > 1:
        samples["auc"] = auc_samples(rows, settings, seed)
    return {measure: bootstrap.interval(values, settings) for measure, values in samples.items()}


def distances(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return how far each predicted length is from each category's mean label in training, in cm: a column each."""
    means = predictions[predictions["split"] == "train"].groupby("category")["label"].mean()
    return pd.DataFrame({name: (predictions["prediction"] - mean).abs() for name, mean in means.items()})


def strays(predictions: pd.DataFrame, distributions: Distributions) -> Strays:
    """Return how many test images are predicted nearer to another category's mean than to their own.

    And the excess over the oracle without them. They are left in everywhere else: most are pictures of something else
    that a list holds.
    """
    is_own = distances(predictions).idxmin(axis=1) == predictions["category"]
    is_test = predictions["split"] == "test"
    rest = predictions[is_test & is_own]
    oracle = oracle_errors(rest, distributions) if len(rest) else None
    without = excess(_scores(rest, {}).rmse, oracle) if oracle else None
    return Strays(n=int((is_test & ~is_own).sum()), excess=without)


def _category(rows: pd.DataFrame, settings: GateSettings, seed: int) -> LengthScores:
    known = intervals(rows, settings, seed)
    return _scores(rows, {measure: known[measure] for measure in ("rmse", "mae", "bias")})


def _scores(rows: pd.DataFrame, intervals: dict[str, Interval]) -> LengthScores:
    errors = (rows["prediction"] - rows["label"]).to_numpy(dtype=np.float64)
    return LengthScores(
        n=len(errors),
        rmse=float(np.sqrt(np.mean(errors**2))),
        mae=float(np.mean(np.abs(errors))),
        bias=float(np.mean(errors)),
        intervals=intervals,
    )
