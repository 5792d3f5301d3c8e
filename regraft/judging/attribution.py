"""Why a candidate's error differs from the champion's: lost data, what is new, or training's own noise.

Heads are small and features are kept, so the question is answered by training again, as the champion was trained: once
on the champion's images, once on those of them that are left, once more with another seed where that matters. Of many
images a sample answers it: what the loss of a share of the data does to a head hardly depends on how many images there
were.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.backbones.classifier import classifier_of
from regraft.backbones.embedding import lookup
from regraft.errors import RegraftError
from regraft.heads.moments import evenly
from regraft.heads.training import is_drawn_at_random, train
from regraft.store.feature_rows import FeatureRows
from regraft.store.metrics_record import Attribution
from regraft.store.version import Version
from regraft.targets.labels import SyntheticLabels
from regraft.targets.target import Target

MAX_IMAGES = 10_000
"""Images that are trained on at most; of more, so many that are evenly spread over each category."""


@dataclass(frozen=True)
class Experiment:
    """Heads trained on various images as the champion was trained, and measured on the same holdout."""

    champion: Version
    target: Target
    """The candidate's."""
    holdout: pd.DataFrame
    """digest, category, label"""

    def rmse(self, manifest: pd.DataFrame, seed: int) -> float:
        """Return the RMSE on the holdout of a head trained on a manifest.

        Raises KeyError where features are not in the store, TrainingError where the head cannot be trained.
        """
        run, target = self.champion.run, self.target
        target_then = target.for_categories(manifest["category"].unique())
        synthetic = SyntheticLabels.of(run.config)
        features = self._features(manifest)
        head = train(manifest, features, target_then, run.config.head, synthetic, seed, self._classifier).head
        return target.errors_of(head.predictions(self.holdout, self._holdout_features, target)).rmse

    @cached_property
    def _classifier(self) -> NDArray[np.float32] | None:
        """The champion's backbone's, read from its checkpoint once for all heads."""
        return classifier_of(self.champion.run.config.backbone, self._holdout_features.shape[1])

    @cached_property
    def _holdout_features(self) -> FeatureRows:
        return self._features(self.holdout)

    def _features(self, images: pd.DataFrame) -> FeatureRows:
        return lookup(images["digest"].tolist(), self.champion.run.backbone_fingerprint, self.champion.store)


def attribute(manifest: pd.DataFrame, difference: float, experiment: Experiment) -> Attribution | None:
    """Return what moved the error from the champion's to the candidate's.

    `manifest` is the candidate's, `difference` its error on the experiment's holdout, less the champion's. The
    champion's features and the candidate's must be of the same backbone. None where features are not in the store any
    more, or where too few of the champion's images are left to train on.
    """
    images = _sample(experiment.champion.table("manifest.parquet"))
    left = images[images["digest"].isin(set(manifest["digest"]))]
    seed, is_random = experiment.champion.run.seed, is_drawn_at_random(experiment.champion.run.config.head)
    try:
        with_all = experiment.rmse(images, seed)
        with_left = with_all if len(left) == len(images) else experiment.rmse(left, seed)
        with_other_seed = experiment.rmse(images, seed + 1) if is_random else with_all
    except (KeyError, RegraftError):
        return None
    lost_data = with_left - with_all
    return Attribution(
        lost_data=lost_data,
        changed_data=difference - lost_data,
        training_noise=abs(with_other_seed - with_all),
    )


def _sample(manifest: pd.DataFrame) -> pd.DataFrame:
    """At most MAX_IMAGES of the images to train on, evenly spread; the same ones in every run, for digests are."""
    rows = np.flatnonzero(manifest["split"] != "test")
    in_order = manifest.iloc[rows].sort_values(["category", "split", "digest"])
    sample = in_order.iloc[evenly(np.arange(len(rows)), MAX_IMAGES)]
    return sample.sort_values(["category", "digest"], ignore_index=True)
