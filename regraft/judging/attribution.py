"""Why a candidate's error differs from the champion's: lost data, changed data, or training's own noise.

Heads are small and features are kept, so the question is answered by training again: once on the champion's images,
once on those of them that are left, once more with another seed.
"""

from dataclasses import dataclass

import pandas as pd

from regraft.backbones.embedding import lookup
from regraft.errors import RegraftError
from regraft.heads.training import train
from regraft.judging.evaluation import Terms
from regraft.store.records import Attribution
from regraft.store.store import Store
from regraft.store.versions import Version
from regraft.targets.choice import target_of_kind


@dataclass(frozen=True)
class Experiment:
    """Heads trained on various images, all measured on the same holdout, with the same backbone."""

    holdout: pd.DataFrame
    """digest, category, label"""
    backbone_fingerprint: str
    terms: Terms
    store: Store

    def rmse(self, manifest: pd.DataFrame, seed: int) -> float:
        """Return the RMSE on the holdout of a head trained on a manifest.

        Raises KeyError where features are not in the store, TrainingError where the head cannot be trained.
        """
        target = self.terms.target
        features = lookup(manifest["digest"].tolist(), self.backbone_fingerprint, self.store)
        trained_for = target_of_kind(target.kind, manifest["category"].unique())
        trained = train(manifest, features, trained_for, self.terms.head, seed).head
        answers = trained.predict(lookup(self.holdout["digest"].tolist(), self.backbone_fingerprint, self.store))
        return target.rmse(target.truth(self.holdout), target.aligned(answers, trained.target))


def attribute(
    champion: Version, manifest: pd.DataFrame, candidate_rmse: float, experiment: Experiment
) -> Attribution | None:
    """Return what moved the error from the champion's to the candidate's; lost and changed data add up to the whole.

    `manifest` is the candidate's, `candidate_rmse` its error on the experiment's holdout. None where the champion has
    another backbone, where its features are not in the store any more, or where too few of its images are left.
    """
    if champion.run.backbone_fingerprint != experiment.backbone_fingerprint:
        return None
    images = champion.table("manifest.parquet")
    left = images[images["digest"].isin(set(manifest["digest"]))]
    seed = experiment.terms.seed
    try:
        with_all = experiment.rmse(images, seed)
        with_left = with_all if len(left) == len(images) else experiment.rmse(left, seed)
        with_other_seed = experiment.rmse(images, seed + 1)
    except (KeyError, RegraftError, ValueError):  # features pruned, or too few images left to train on
        return None
    return Attribution(
        lost_data=with_left - with_all,
        changed_data=candidate_rmse - with_left,
        training_noise=abs(with_other_seed - with_all),
    )
