"""How often intervals of lengths, or sets of categories, hold the truth on the test split, and how wide they are."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from regraft.backbones.backbone import Features
from regraft.store.feature_rows import FeatureRows
from regraft.store.metrics_record import Certainty, CertaintyResults
from regraft.targets.calibration import Calibration
from regraft.targets.target import Answers, Target


def certainty_results(
    manifest: pd.DataFrame,
    features: FeatureRows,
    predict: Callable[[Features], Answers],
    target: Target,
    calibration: Calibration,
) -> CertaintyResults:
    """Return how far a head's intervals or sets may be trusted.

    `manifest`: category, split and label of N images, whose features, (N, D), follow its rows; `predict` gives the
    head's answers.
    """
    rows = np.flatnonzero(manifest["split"] == "test")
    parts = [
        target.coverage(manifest.iloc[block_rows], predict(block), calibration)
        for block_rows, block in features.blocks(rows)
    ]
    images = pd.DataFrame(
        {
            "held": np.concatenate([part.is_held for part in parts]),
            "extent": np.concatenate([part.extent for part in parts]),
        }
    )
    whole = _certainty(images)
    by_category = images.groupby(manifest["category"].to_numpy()[rows])
    return CertaintyResults(
        n=whole.n,
        held=whole.held,
        extent=whole.extent,
        by_category={str(name): _certainty(part) for name, part in by_category},
    )


def _certainty(images: pd.DataFrame) -> Certainty:
    """The means over some images (held, extent)."""
    return Certainty(n=len(images), held=float(images["held"].mean()), extent=float(images["extent"].mean()))
