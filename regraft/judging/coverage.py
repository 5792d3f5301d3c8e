"""How often intervals of lengths, or sets of categories, hold the truth on the test split, and how wide they are."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.backbones.backbone import Features
from regraft.heads.model import Answering
from regraft.store.feature_rows import FeatureRows
from regraft.store.metrics_record import Certainty, CertaintyResults
from regraft.targets.calibration import Calibration
from regraft.targets.target import Target


def certainty_results(
    manifest: pd.DataFrame,
    features: FeatureRows,
    head: Answering,
    target: Target,
    calibration: Calibration,
) -> CertaintyResults:
    """Return how far a head's intervals or sets may be trusted.

    `manifest`: category, split and label of N images, whose features, (N, D), follow its rows; `target`: whose labels
    they are, that of the head or a comparable one.
    """
    rows = np.flatnonzero(manifest["split"] == "test")

    def covered(positions: NDArray[np.int64], block: Features) -> pd.DataFrame:
        images = manifest.iloc[rows[positions]]
        coverage = target.coverage(images, head.predict(block), calibration, head.likeliest_categories(block))
        return pd.DataFrame({"category": images["category"], "held": coverage.is_held, "extent": coverage.extent})

    images = pd.concat([covered(*block) for block in features.stored_blocks(rows)])
    whole, by_category = _certainty(images), images.groupby("category")
    return CertaintyResults(
        n=whole.n,
        held=whole.held,
        extent=whole.extent,
        by_category={str(name): _certainty(part) for name, part in by_category},
    )


def _certainty(images: pd.DataFrame) -> Certainty:
    """The means over some images (held, extent)."""
    return Certainty(n=len(images), held=float(images["held"].mean()), extent=float(images["extent"].mean()))
