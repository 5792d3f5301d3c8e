"""How good predicted lengths are, in cm."""

import numpy as np
import pandas as pd

from regraft.config import GateSettings
from regraft.store.metrics_record import Interval, LengthResults, LengthScores, Strays
from regraft.targets import bootstrap
from regraft.targets.auc import Area, area_of_lengths
from regraft.targets.calibration import nearest
from regraft.targets.oracle import Distributions, excess, oracle_errors

MIN_SPREAD_SHARE = 1e-12
"""Of the labels' variance: a sample whose labels vary by less has drawn equal ones only."""


def length_results(rows: pd.DataFrame, settings: GateSettings, seed: int) -> LengthResults:
    """Return how good predictions are, over all rows and by category. `rows`: category, label, prediction."""
    area = area_of_lengths(rows)
    whole = _scores(rows, intervals(rows, area, settings, seed))
    spread = float(((rows["label"] - rows["label"].mean()) ** 2).mean())
    return LengthResults(
        **whole.model_dump(),
        r2=1 - whole.rmse**2 / spread if spread > 0 else None,
        auc=area.value if area else None,
        by_category={str(name): _category(part, settings, seed) for name, part in rows.groupby("category")},
    )


def intervals(rows: pd.DataFrame, area: Area | None, settings: GateSettings, seed: int) -> dict[str, Interval]:
    """Return the intervals of rmse, mae, bias (cm), r2 and auc of predictions (label, prediction).

    r2 is left out where all labels are equal, auc where there is no area under the ROC curve.
    """
    label = rows["label"].to_numpy(dtype=np.float64)
    errors = rows["prediction"].to_numpy(dtype=np.float64) - label
    centred = label - label.mean()
    columns = np.column_stack([errors**2, np.abs(errors), errors, centred, centred**2])
    squares, absolute, bias, off, off_squares = bootstrap.means(columns, settings, seed).T
    samples = {"rmse": np.sqrt(squares), "mae": absolute, "bias": bias}
    if label.std() > 0:
        spread = off_squares - off**2
        samples["r2"] = 1 - squares / np.where(spread > MIN_SPREAD_SHARE * label.var(), spread, np.nan)
    if area is not None:
        samples["auc"] = area.samples(settings, seed)
    return {measure: bootstrap.interval(values, settings) for measure, values in samples.items()}


def distances(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return how far N predicted lengths are from the categories' mean labels in training, in cm.

    Columns `own`, from the mean of the image's own category, and `least`, from the nearest mean. NaN where there is no
    such mean: somebody may have had images removed since.
    """
    means = predictions[predictions["split"] == "train"].groupby("category")["label"].mean()
    if means.empty:
        return pd.DataFrame(np.nan, predictions.index, ["own", "least"])
    lengths, values = predictions["prediction"], means.to_numpy(dtype=np.float64)
    own = (lengths - predictions["category"].map(means)).abs()
    least = (lengths - values[nearest(lengths.to_numpy(dtype=np.float64), values)]).abs()
    return pd.DataFrame({"own": own, "least": least})


def strays(predictions: pd.DataFrame, distributions: Distributions) -> Strays:
    """Return how many test images are predicted nearer to another category's mean than to their own.

    And the excess over the oracle without them. They are left in everywhere else: most are pictures of something else
    that a list holds.
    """
    distance = distances(predictions)
    is_own = distance["own"] <= distance["least"]
    is_test = predictions["split"] == "test"
    rest = predictions[is_test & is_own]
    oracle = oracle_errors(rest, distributions) if len(rest) else None
    without = excess(_scores(rest, {}).rmse, oracle) if oracle else None
    return Strays(n=int((is_test & ~is_own).sum()), excess=without)


def _category(rows: pd.DataFrame, settings: GateSettings, seed: int) -> LengthScores:
    known = intervals(rows, None, settings, seed)
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
