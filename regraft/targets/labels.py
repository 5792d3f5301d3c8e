"""The synthetic labels of a job: lengths drawn from each category's distribution, not measured on the animals."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from regraft.config import Config, Normal
from regraft.dataset.labels import label_of


@dataclass(frozen=True)
class SyntheticLabels:
    """How a job draws the lengths of its images."""

    distributions: Mapping[str, Normal | None]
    """By category; None where the config has no distribution, so that only its list knows lengths."""
    seed: int

    @classmethod
    def of(cls, config: Config) -> "SyntheticLabels":
        """Return how a job draws its labels."""
        return cls({name: category.label for name, category in config.categories.items()}, config.seed)

    def length(self, category: str, digest: str) -> float | None:
        """Return the length in cm drawn for an image; None where its category has no distribution."""
        distribution = self.distributions[category]
        return label_of(distribution, self.seed, category, digest) if distribution else None

    def are_all_of(self, rows: pd.DataFrame) -> bool:
        """Return whether every label of `rows` (category, digest, label) is synthetic, none a real one."""
        return all(
            label == self.length(category, digest)
            for category, digest, label in zip(rows["category"], rows["digest"], rows["label"], strict=True)
        )
