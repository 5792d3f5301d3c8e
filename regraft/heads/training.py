"""How a head is trained, on features that have been computed before."""

from dataclasses import dataclass
from typing import assert_never

import numpy as np
import pandas as pd

from regraft.config import HeadSettings
from regraft.errors import TrainingError
from regraft.heads import graft, tutorial
from regraft.heads.determinism import make_deterministic
from regraft.heads.head import Head
from regraft.store.feature_rows import FeatureRows
from regraft.targets.labels import SyntheticLabels
from regraft.targets.target import Target


@dataclass(frozen=True)
class Trained:
    """A head and how it was trained."""

    head: Head
    history: dict[str, list[float]]
    """Loss and val_loss by epoch: cross-entropy of the category; of the tutorial's, cm squared by ten steps."""


def train(
    manifest: pd.DataFrame,
    features: FeatureRows,
    target: Target,
    settings: HeadSettings,
    synthetic: SyntheticLabels,
    seed: int,
) -> Trained:
    """Return a head trained on the train split, stopped early on the validation split.

    `manifest`: digest, category, split and label in cm of N images, whose features, (N, D), follow its rows.
    `synthetic`: how a job draws labels: those have nothing to learn within a category. The same seed gives the same
    head, to the bit on one machine; see `make_deterministic` for what that means to the process. Raises TrainingError
    where features or a loss are not finite.
    """
    _check_finite(manifest, features)
    make_deterministic(seed)
    match settings.preset:
        case "graft":
            model, history = graft.fit(manifest, features, target, settings, synthetic)
        case "tutorial":
            model, history = tutorial.fit(manifest, features)
        case _:
            assert_never(settings.preset)
    if not all(np.isfinite(losses).all() for losses in history.values()):
        raise TrainingError("Training stopped: the loss is not a number. Try a smaller head.learning_rate.")
    return Trained(Head(model, target), history)


def _check_finite(manifest: pd.DataFrame, features: FeatureRows) -> None:
    """Raise TrainingError, with an image's digest, where features are not finite: nothing can be learnt from them."""
    for rows, block in features.blocks():
        is_finite = np.isfinite(block.sum(axis=1))
        if not is_finite.all():
            digest = manifest["digest"].iloc[rows[is_finite.argmin()]]
            raise TrainingError(
                f"Training stopped: features of {(~is_finite).sum():,} of {len(rows):,} images are not numbers, first "
                f"those of {digest}. `regraft verify` finds damaged features; the next run computes them again."
            )
