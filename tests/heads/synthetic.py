"""Images without pictures: a manifest and features that tell its categories apart."""

import numpy as np
import pandas as pd

from regraft.config import SplitSettings
from regraft.dataset import labels, splits
from tests.targets.worlds import DISTRIBUTIONS

WIDTH = 24
"""Features of an image."""


def tigers_and_cats(count: int = 150, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """A manifest of so many tigers and so many cats, and their features, (2 * count, WIDTH)."""
    random = np.random.default_rng(seed)
    digests = [f"{i:04d}" for i in range(2 * count)]
    manifest = pd.DataFrame({"category": ["tiger"] * count + ["cat"] * count, "digest": digests})
    pairs = list(zip(manifest["category"], manifest["digest"], strict=True))
    manifest["split"] = [splits.split_of(SplitSettings(), seed, category, digest) for category, digest in pairs]
    manifest["label"] = [labels.label_of(DISTRIBUTIONS[category], seed, category, digest) for category, digest in pairs]
    features = random.normal(0, 1, (2 * count, WIDTH)).astype(np.float32)
    features[:count, 0] += 5
    return manifest, features
