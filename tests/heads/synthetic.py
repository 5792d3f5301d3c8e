"""Images without pictures: a manifest and features that tell its categories apart."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from regraft.config import HeadSettings, SplitSettings
from regraft.dataset import labels, splits
from regraft.store.feature_rows import ArrayRows
from regraft.targets.categories import Categories
from regraft.targets.labels import SyntheticLabels
from regraft.targets.lengths import Lengths
from regraft.targets.target import Target
from tests.targets.worlds import DISTRIBUTIONS

if TYPE_CHECKING:
    from regraft.heads.head import Head

WIDTH = 24
"""Features of an image."""


def tigers_and_cats(count: int = 150, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """A manifest of so many tigers and so many cats, and their features, (2 * count, WIDTH)."""
    random = np.random.default_rng(seed)
    digests = [f"{i:04d}" for i in range(2 * count)]
    manifest = pd.DataFrame({"category": ["tiger"] * count + ["cat"] * count, "digest": digests, "cluster": digests})
    pairs = list(zip(manifest["category"], manifest["digest"], strict=True))
    manifest["split"] = [splits.split_of(SplitSettings(), seed, category, digest) for category, digest in pairs]
    manifest["label"] = [labels.label_of(DISTRIBUTIONS[category], seed, category, digest) for category, digest in pairs]
    features = random.normal(0, 1, (2 * count, WIDTH)).astype(np.float32)
    features[:count, 0] += 5
    return manifest, features


every_kind_of_head = pytest.mark.parametrize(
    ("target", "settings"),
    [
        (Lengths(), HeadSettings(epochs=3)),
        (Lengths(), HeadSettings(preset="tutorial")),
        (Categories(("cat", "tiger")), HeadSettings(target="category", epochs=3)),
    ],
    ids=["lengths", "tutorial", "categories"],
)
"""Runs a test for heads of each target and preset."""


def trained_head(
    manifest: pd.DataFrame, features: np.ndarray, target: Target, settings: HeadSettings, seed: int
) -> "Head":
    """A head trained on them, where labels that are not drawn from DISTRIBUTIONS with this seed are real ones."""
    from regraft.heads.training import train

    synthetic = SyntheticLabels(DISTRIBUTIONS, seed)
    return train(manifest, ArrayRows(features), target, settings, synthetic, seed).head
