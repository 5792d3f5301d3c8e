"""Why a candidate's error differs from the champion's: lost data, what is new, or training's own noise.

Heads are small and features are kept, so the question is answered by training again, as the champion was trained: once
on the champion's images, once on those of them that are left, once more with another seed.
"""

from dataclasses import dataclass

import pandas as pd

from regraft.backbones.backbone import Features
from regraft.backbones.embedding import lookup
from regraft.errors import RegraftError
from regraft.heads.training import train
from regraft.store.records import Attribution
from regraft.store.versions import Version
from regraft.targets.target import Target


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
        head = train(manifest, self._features(manifest), target_then, run.config.head, seed).head
        answers = target.aligned(head.predict(self._features(self.holdout)), target_then)
        return target.rmse(target.truth(self.holdout), answers)

    def _features(self, images: pd.DataFrame) -> Features:
        return lookup(images["digest"].tolist(), self.champion.run.backbone_fingerprint, self.champion.store)


def attribute(manifest: pd.DataFrame, candidate_rmse: float, experiment: Experiment) -> Attribution | None:
    """Return what moved the error from the champion's to the candidate's.

    `manifest` is the candidate's, `candidate_rmse` its error on the experiment's holdout. The champion's features and
    the candidate's must be of the same backbone. None where features are not in the store any more, or where too few of
    the champion's images are left to train on.
    """
    images = experiment.champion.table("manifest.parquet")
    left = images[images["digest"].isin(set(manifest["digest"]))]
    seed = experiment.champion.run.seed
    try:
        with_all = experiment.rmse(images, seed)
        with_left = with_all if len(left) == len(images) else experiment.rmse(left, seed)
        with_other_seed = experiment.rmse(images, seed + 1)
    except (KeyError, RegraftError, ValueError):
        return None
    return Attribution(
        lost_data=with_left - with_all,
        changed_data=candidate_rmse - with_left,
        training_noise=abs(with_other_seed - with_all),
    )
