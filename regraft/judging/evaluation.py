"""What an evaluation takes and what it comes to. Imports no TensorFlow: where nothing changed, none is needed."""

from dataclasses import dataclass

import pandas as pd

from regraft.config import Config, GateSettings
from regraft.store.records import MetricsRecord
from regraft.targets.choice import target_of
from regraft.targets.labels import SyntheticLabels
from regraft.targets.target import Target


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a job's candidates are judged by."""

    target: Target
    synthetic: SyntheticLabels
    """How labels are drawn, so that the best that is possible is known."""
    gate: GateSettings
    seed: int
    """Of the bootstrap, and of the rivals that are trained."""

    @classmethod
    def of(cls, config: Config) -> "Terms":
        """Return what a job's candidates are judged by."""
        return cls(
            target=target_of(config),
            synthetic=SyntheticLabels.of(config),
            gate=config.gate,
            seed=config.seed,
        )


@dataclass(frozen=True)
class Evaluation:
    """How good a candidate is."""

    predictions: pd.DataFrame
    """digest, category, split, label, and the answers as `Target.predictions` has them: of all images of the
    manifest."""
    metrics: MetricsRecord
    """metrics.json"""
    holdout: pd.DataFrame
    """digest, category, phash, label: of all images that candidate and champion are compared on."""
    certainty: bytes
    """certainty.npz"""
