"""What a run's step `train` trains on features of the default backbone, whose own classifier helps it."""

from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.backbones.classifier import classifier_of
from regraft.config import BackboneSettings, HeadSettings
from regraft.heads.head import Trained
from regraft.heads.training import train
from regraft.store.feature_rows import ArrayRows
from regraft.targets.labels import SyntheticLabels
from regraft.targets.target import Target


def trained(
    manifest: pd.DataFrame, features: NDArray[np.float32], target: Target, synthetic: SyntheticLabels, seed: int
) -> Trained:
    """Return the head that a run trains on a manifest, whose rows N features, (N, D), follow."""
    settings, classifier = HeadSettings(target=target.kind), _classifier(features.shape[1])
    return train(manifest, ArrayRows(features), target, settings, synthetic, seed, classifier)


@cache
def _classifier(width: int) -> NDArray[np.float32] | None:
    """The default backbone's, read from its checkpoint once."""
    return classifier_of(BackboneSettings(), width)
