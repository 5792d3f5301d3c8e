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

    def have_labels(self, pictures: pd.DataFrame, links: pd.DataFrame) -> "pd.Series[bool]":
        """Return which pictures (digest, category, urls) `labels` can label.

        It lacks the length of one that a person moved to a category whose lengths only its list knows.
        """
        needs_link = [name for name in pictures["category"].unique() if self.label(name, "") is None]
        measured = set(links["url"])
        lacks = pictures["urls"][pictures["category"].isin(needs_link)].map(measured.isdisjoint)
        return ~lacks.reindex(pictures.index, fill_value=False).astype(bool)

    def label(self, category: str, digest: str, known: float | str | None = None) -> float | str | None:
        """Return the label of an image without links, see `Target.label_without_links`."""
        return self.target.label_without_links(category, digest, self.synthetic, known)

    def split(self, category: str, digest: str) -> Split:
        """Return the split of an image that is no near-duplicate of another."""
        return split_of(self.settings, self.synthetic.seed, category, digest)

    def is_test(self, category: str, digest: str) -> bool:
        """Return whether an image is held out: its category is one of the job's, and its split is `test`."""
        return category in self.synthetic.distributions and self.split(category, digest) == "test"
