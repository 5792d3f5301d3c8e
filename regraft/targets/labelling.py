"""How a job gives its images their labels and splits."""

from dataclasses import dataclass

import pandas as pd

from regraft.config import Config, SplitSettings
from regraft.dataset.splits import Split, split_of
from regraft.targets.choice import target_of
from regraft.targets.labels import SyntheticLabels
from regraft.targets.target import Target


@dataclass(frozen=True)
class Labelling:
    """The label and the split of an image, by the config alone: they depend on no other image."""

    target: Target
    synthetic: SyntheticLabels
    settings: SplitSettings

    @classmethod
    def of(cls, config: Config) -> "Labelling":
        """Return how a job labels."""
        return cls(target_of(config), SyntheticLabels.of(config), config.split)

    def labels(self, pictures: pd.DataFrame, links: pd.DataFrame) -> "pd.Series[float] | pd.Series[str]":
        """Return the labels of pictures (digest, category, urls), see `Target.labels`."""
        return self.target.labels(pictures, links, self.synthetic)

    def label(self, category: str, digest: str, known: float | str | None = None) -> float | str | None:
        """Return the label of an image without links, see `Target.label_without_links`."""
        return self.target.label_without_links(category, digest, self.synthetic, known)

    def split(self, category: str, digest: str) -> Split:
        """Return the split of an image that is no near-duplicate of another."""
        return split_of(self.settings, self.synthetic.seed, category, digest)

    def is_test(self, category: str, digest: str) -> bool:
        """Return whether an image is held out: its category is one of the job's, and its split is `test`."""
        return category in self.synthetic.distributions and self.split(category, digest) == "test"
