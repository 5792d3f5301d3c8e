"""How a head is trained, on features that have been computed before."""

from typing import assert_never

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.config import MAX_LENGTH_CM, HeadSettings
from regraft.errors import TrainingError
from regraft.heads import graft, tutorial
from regraft.heads.determinism import make_deterministic
from regraft.heads.head import Head, Trained
from regraft.store.feature_rows import FeatureRows
from regraft.targets.labels import SyntheticLabels
from regraft.targets.target import Target

MAX_FEATURE = 1e15
"""Sums of squares of larger features are no numbers in float32."""


def train(
    manifest: pd.DataFrame,
    features: FeatureRows,
    target: Target,
    settings: HeadSettings,
    synthetic: SyntheticLabels,
    seed: int,
    classifier: NDArray[np.float32] | None = None,
) -> Trained:
    """Return a head trained on the train and the validation split, or on the first until the second is best.

    `manifest`: digest, category, cluster, split and label in cm of N images, whose features, (N, D), follow its rows.
    `synthetic`: how a job draws labels: those have nothing to learn within a category. `classifier`: the weights,
    (D, K), of the backbone's own, which the preset `graft` learns more from few images with; see `classifier_of`. The
    same seed gives the same head, to the bit on one machine; see `make_deterministic` for what that means to the
    process. Raises TrainingError where features are far too large, no numbers or all the same, lengths or a loss are no
    numbers, or one of these splits has no image, or the train split none of a category.
    """
    _check_splits(manifest)
    _check_finite(manifest, features)
    _check_varied(features)
    if target.regresses_lengths:
        _check_lengths(manifest)
    make_deterministic(seed)
    match settings.preset:
        case "graft":
            trained = graft.fit(manifest, features, target, settings, synthetic, classifier)
        case "tutorial":
            model, history = tutorial.fit(manifest, features)
            trained = Trained(Head(model, target), history, np.full(len(manifest), np.nan))
        case _:
            assert_never(settings.preset)
    if not all(np.isfinite(losses).all() for losses in trained.history.values()):
        raise TrainingError("Training stopped: the loss is not a number. Look for features that are far too large.")
    return trained


def is_drawn_at_random(settings: HeadSettings) -> bool:
    """Return whether another seed gives another head."""
    return settings.preset == "tutorial"


def _check_finite(manifest: pd.DataFrame, features: FeatureRows) -> None:
    """Raise TrainingError, with an image's digest, where nothing can be learnt from features."""
    for rows, block in features.stored_blocks():
        is_finite = np.abs(block).max(axis=1) <= MAX_FEATURE
        if not is_finite.all():
            digest = manifest["digest"].iloc[rows[is_finite.argmin()]]
            raise TrainingError(
                f"Training stopped: features of {(~is_finite).sum():,} of {len(rows):,} images are not numbers up to "
                f"{MAX_FEATURE:g}, first those of {digest}. `regraft verify` finds damaged features; the next run "
                "computes them again."
            )


def _check_varied(features: FeatureRows) -> None:
    """Raise TrainingError where all images have the same features: then nothing tells one from another."""
    first = features.read(np.zeros(1, np.int64))
    if all((block == first).all() for _, block in features.blocks()):
        raise TrainingError(
            f"Training stopped: all {len(features):,} images have the same features, so nothing can be learnt from "
            "them. The backbone's weights are probably damaged: see `backbone.weights` in the config."
        )


def _check_splits(manifest: pd.DataFrame) -> None:
    """Raise TrainingError, with a name, where a split has no images, or a category has nothing to be learnt from."""
    for split in ("train", "validation"):
        if not (manifest["split"] == split).any():
            raise TrainingError(f"Training stopped: there is no image in the {split} split. Give the lists more links.")
    without = sorted(set(manifest["category"]) - set(manifest["category"][manifest["split"] == "train"]))
    if without:
        raise TrainingError(
            f"Training stopped: category {without[0]} has no image in the train split, so nothing can be learnt of it. "
            "Give it more links, or take it out of the config."
        )


def _check_lengths(manifest: pd.DataFrame) -> None:
    """Raise TrainingError, with an image's digest, where labels are not lengths that anything can be learnt from."""
    label = manifest["label"].to_numpy(dtype=np.float64)
    is_length = np.abs(label) <= MAX_LENGTH_CM
    if not is_length.all():
        first = int(is_length.argmin())
        raise TrainingError(
            f"Training stopped: labels of {(~is_length).sum():,} of {len(label):,} images are not lengths up to "
            f"{MAX_LENGTH_CM:g} cm, first that of {manifest['digest'].iloc[first]}: {label[first]:g}. Correct them in "
            "the list."
        )
